import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { paperStudent, saveModel } from 'qrkd/models';
import { ready, tf } from '#dist/tensor/backend.js';
import { runCommandLines } from '../commandLines.js';

const bin = fileURLToPath(new URL('../../../bin/qrkd.mjs', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'qrkd-cli-'));
const student = join(root, 'student');
const other = join(root, 'other');
const onnx = join(root, 'student.onnx');

function qrkd(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** One line, exit code 2, nothing on stdout. */
function refuses(args: string[], line: RegExp): void {
  const { status, stdout, stderr } = qrkd(...args);
  assert.match(stderr, line);
  assert.deepEqual({ status, stdout, lines: stderr.trim().split('\n').length }, { status: 2, stdout: '', lines: 1 });
}

before(async () => {
  await ready();
  await saveModel(paperStudent({ seed: 1 }), student);
  await saveModel(paperStudent({ seed: 2 }), other);
});
after(() => rmSync(root, { recursive: true }));

describe('qrkd export and qrkd verify', () => {
  it('take a GPT-2 in the files of transformers', () => {
    const folder = fileURLToPath(new URL('../../../test/fixtures/gpt2/plain', import.meta.url));
    const file = join(root, 'gpt2.onnx');
    const ended = runCommandLines(
      [
        ['export', folder, '-o', file],
        ['verify', file, '--model', folder, '--json'],
      ],
      root,
    );
    assert.deepEqual(
      ended.map(({ status }) => status),
      [0, 0],
      ended.map(({ stderr }) => stderr).join(''),
    );
    assert.equal(JSON.parse(ended[1].stdout).random.samples, 4);
  });

  it('write an ONNX file and prove it on real digits', () => {
    const exported = qrkd('export', student, '-o', onnx, '--json');
    assert.equal(exported.status, 0, exported.stderr);
    const { parameters, bytes } = JSON.parse(exported.stdout);
    assert.equal(parameters, 1725);
    assert.equal(bytes, readFileSync(onnx).length);

    const verified = qrkd('verify', onnx, '--model', join(student, 'model.json'), '--data', 'mnist', '--json');
    assert.equal(verified.status, 0, verified.stderr);
    const report = JSON.parse(verified.stdout);
    assert.equal(report.ok, true);
    assert.equal(report.real.samples, 1996);
    assert.equal(report.real.accuracy.onnxCorrect, report.real.accuracy.tfjsCorrect);
    assert.match(qrkd('verify', onnx, '--model', student).stdout, /agrees \(onnxruntime [\d.]+, tolerance 0\.0001\)/);
  });

  it('exit 1 where file and model differ', () => {
    const { status, stdout } = qrkd('verify', onnx, '--model', other, '--samples', '4');
    assert.equal(status, 1);
    assert.match(stdout, /DIFFERS/);
  });

  it('exit 2 with one line for bad files, and write nothing', async () => {
    const out = join(root, 'none.onnx');
    refuses(['export', join(root, 'nowhere'), '-o', out], /nowhere: no such file/);
    const broken = join(root, 'broken');
    await saveModel(paperStudent(), broken);
    truncateSync(join(broken, 'weights.bin'), 100);
    refuses(['export', broken, '-o', out], /100 bytes, expected 6900/);
    await saveModel(tf.sequential({ layers: [tf.layers.thresholdedReLU({ inputShape: [3] })] }), join(root, 'foreign'));
    refuses(['export', join(root, 'foreign'), '-o', out], /ThresholdedReLU\) cannot be exported/);
    assert.ok(!readdirSync(root).includes('none.onnx'));

    refuses(['verify', join(root, 'none.onnx'), '--model', student], /none\.onnx: cannot be read/);
    const cut = join(root, 'cut.onnx');
    writeFileSync(cut, readFileSync(onnx).subarray(0, 3000));
    refuses(['verify', cut, '--model', student], /cut\.onnx: truncated, or not an ONNX file/);
    refuses(['verify', onnx, '--model', broken], /100 bytes, expected 6900/);
    refuses(['verify', onnx, '--model', student, '--data', join(root, 'nowhere')], /nowhere: no such folder/);
    refuses(['verify', onnx, '--model', student, '--samples', '0'], /Expected a positive integer/);
  });
});
