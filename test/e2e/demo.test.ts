import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type ImageSet, loadMnistDigits } from 'qrkd/data';
import { backendInfo, ready } from 'qrkd/distill';
import { paperTeacher, saveModel } from 'qrkd/models';
import type { ExportedModel, StudyMetrics } from '#dist/study/metrics.js';
import { runCommandLines } from '../commandLines.js';

const bin = fileURLToPath(new URL('../../../bin/qrkd.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-demo-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function qrkd(args: string[], started?: (child: ChildProcess) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    started?.(child);
  });
}

/** Right answers of an ONNX file on samples, by onnxruntime alone. */
async function correctInOnnxruntime(file: string, { images, labels, shape }: ImageSet): Promise<number> {
  const session = await InferenceSession.create(file);
  const [name] = session.inputNames;
  const output = (await session.run({ [name]: new Tensor('float32', images, [...shape]) }))[session.outputNames[0]];
  const logits = output.data as Float32Array;
  const classes = logits.length / labels.length;
  return labels.reduce((correct, label, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return correct + (row.indexOf(Math.max(...row)) === label ? 1 : 0);
  }, 0);
}

// The WebAssembly backend trains several times slower; what is checked is the same.
const smaller =
  backendInfo().backend === 'wasm'
    ? ['samples=640', 'student.epochs=1', 'teacher.epochs=3'].flatMap((s) => ['--set', s])
    : [];

describe('qrkd demo --quick', () => {
  it('ends with a checked student.onnx, a table, metrics and a report', { timeout: 300_000 }, async () => {
    const { code, stdout, stderr } = await qrkd(['demo', '--quick', '--json', '--out', 'demo', ...smaller]);
    assert.equal(code, 0, stderr);
    const summary = JSON.parse(stdout) as StudyMetrics & { out: string };
    const out = join(folder, 'demo');
    assert.deepEqual(readdirSync(out).sort(), [
      'config.yaml',
      'metrics.json',
      'report.html',
      'runs',
      'student.onnx',
      'teacher.onnx',
    ]);

    const methods = ['Teacher', 'Scratch', 'KD', 'RKD', 'KD+RKD', 'QRKD', 'QRKD (angle)', 'RBF control'];
    assert.deepEqual(
      summary.table.map(({ method }) => method),
      methods,
    );
    for (const { train, test, gap } of summary.table) {
      assert.ok(test.mean > 0 && test.mean <= 100);
      assert.ok(Math.abs(train.mean - test.mean - gap.mean) < 1e-9);
    }
    assert.ok(summary.table[0].test.mean > (smaller.length > 0 ? 20 : 70), 'the teacher has learned');

    const metrics = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8')) as StudyMetrics;
    assert.deepEqual(metrics.table, summary.table);
    assert.equal(metrics.runs.length, 8);
    for (const { method, result, kernels } of metrics.runs) {
      for (const { terms } of result.epochs) {
        for (const { raw, gradientNorm } of Object.values(terms)) assert.ok(raw >= 0 && gradientNorm >= 0, method);
      }
      assert.equal(kernels !== undefined, /QRKD|RBF/.test(method));
    }

    const { test } = loadMnistDigits();
    const check = async ({ file, parameters, test: counted }: ExportedModel, expected: number) => {
      assert.equal(parameters, expected);
      assert.equal(counted.samples, 1996);
      assert.equal(counted.onnxruntimeCorrect, counted.correct);
      assert.equal(await correctInOnnxruntime(join(out, file), test), counted.correct, `${file}, to the sample`);
    };
    await check(metrics.exported.teacher!, 6690);
    await check(metrics.exported.student, 1725);

    const html = readFileSync(join(out, 'report.html'), 'utf8');
    assert.ok((html.match(/<svg /g)?.length ?? 0) > methods.length, 'charts are drawn');
    for (const method of methods) assert.ok(html.includes(`<th scope="row">${method}</th>`), method);
  });
});

describe('qrkd distill', () => {
  const config = join(folder, 'study.yaml');
  writeFileSync(
    config,
    `samples: 256
seeds: [3, 4]
teacher: { epochs: 1 }
student: { epochs: 1, embedding: relu }
methods:
  Scratch: { ce: 1 }
  QRKD: { kd: 1, quantum: 100 }
`,
  );

  it('goes on from finished runs after an interruption', { timeout: 300_000 }, async () => {
    const runs = join(folder, 'study', 'runs');
    const finished = () => (existsSync(runs) ? readdirSync(runs).filter((file) => /^[0-9a-f]+\.json$/.test(file)) : []);
    const args = ['distill', '--config', config, '--out', 'study'];
    // Long epochs for the student, so that it is sure to be interrupted after the first run and before the last.
    const { code, stderr } = await qrkd([...args, '--set', 'student.epochs=40'], (child) => {
      const poll = setInterval(() => {
        if (finished().length === 0 && child.exitCode === null) return;
        clearInterval(poll);
        child.kill('SIGINT');
      }, 50);
    });
    assert.notEqual(code, 0);
    assert.match(stderr, /interrupted; the runs that are finished are kept in study\/runs/);
    assert.ok(!existsSync(join(folder, 'study', 'metrics.json')));
    const kept = finished().map((file) => JSON.parse(readFileSync(join(runs, file), 'utf8')));
    assert.ok(kept.length > 0 && kept.every(({ method }) => method === 'Teacher'));

    const again = await qrkd([...args, '--json']);
    assert.equal(again.code, 0, again.stderr);
    const metrics = JSON.parse(readFileSync(join(folder, 'study', 'metrics.json'), 'utf8')) as StudyMetrics;
    for (const record of kept) {
      assert.deepEqual(
        metrics.runs.find(({ method, seed }) => method === record.method && seed === record.seed),
        record,
        'a finished run is taken over as it is',
      );
    }
    assert.equal(finished().length, metrics.runs.length, 'records are kept');
    assert.deepEqual(
      metrics.table.map(({ method }) => method),
      ['Teacher', 'Scratch', 'QRKD'],
    );
    assert.ok(metrics.table[2].distillationGain !== null);
  });

  it('takes a teacher that was saved before', { timeout: 120_000 }, async () => {
    await ready();
    await saveModel(paperTeacher({ seed: 9 }), join(folder, 'teacher'));
    const settings = ['teacher.model=teacher', 'samples=128', 'seeds=[0]', 'methods={KD: {kd: 1}}'];
    const { code, stderr } = await qrkd([
      'distill',
      '--config',
      config,
      '--out',
      'given',
      ...settings.flatMap((s) => ['--set', s]),
    ]);
    assert.equal(code, 0, stderr);
    const { runs, table } = JSON.parse(readFileSync(join(folder, 'given', 'metrics.json'), 'utf8')) as StudyMetrics;
    assert.deepEqual(
      runs.map(({ method, result }) => [method, result.steps]),
      [
        ['Teacher', 0],
        ['KD', 2],
      ],
    );
    assert.equal(table[1].distillationGain, null, 'nothing was trained from scratch');
  });

  it('refuses what is wrong with its configuration in one line, before any work', { timeout: 120_000 }, () => {
    const set = (value: string) => ['--config', config, '--set', value];
    const kernels = (teacher: string) =>
      set(`methods.QRKD.kernels={teacher: ${teacher}, student: {type: zz, features: 4}}`);
    const refusals: [args: string[], message: RegExp][] = [
      [['--config', 'none.yaml'], /none\.yaml/],
      [set('seedz=[1]'), /unknown key "seedz" \(did you mean "seeds"\?\)/],
      [set('methods.QRKD.quantom=1'), /did you mean "quantum"/],
      [set('student.epochs=none'), /student\.epochs/],
      [kernels('{type: zzz, features: 8}'), /zzz/],
      [kernels('{type: zz, features: 8, bandwith: 1}'), /bandwidth/],
      [set('teacher.model=nowhere'), /nowhere/],
      [set('data={idx: nowhere}'), /nowhere/],
      [['--confg', config], /--config/],
      [['--config', config, '--out', join(config, 'out')], /--out .* is a file; name a folder/],
      [
        ['--config', config, '--latex', 'nowhere/table.tex'],
        /--latex nowhere\/table\.tex: the folder .* does not exist/,
      ],
    ];
    const ended = runCommandLines(
      refusals.map(([args]) => ['distill', '--out', 'refused', ...args]),
      folder,
    );
    ended.forEach(({ status, stdout, stderr }, r) => {
      assert.deepEqual([status, stdout], [2, ''], stderr);
      assert.match(stderr.trimEnd(), /^qrkd: [^\n]+$/);
      assert.match(stderr, refusals[r]![1]);
    });
    assert.ok(!existsSync(join(folder, 'refused')), 'nothing is written');
  });

  it('names run, term and step where training diverges', { timeout: 120_000 }, async () => {
    const { code, stderr } = await qrkd([
      'distill',
      '--config',
      config,
      '--out',
      'diverged',
      '--set',
      'student.learningRate=1e38',
      '--set',
      'student.optimizer=sgd',
    ]);
    assert.equal(code, 2);
    assert.match(stderr, /(Scratch|QRKD), seed [34]: distill: the loss term "\w+" is not finite at step \d+/);
  });
});
