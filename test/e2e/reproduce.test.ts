// The paper's tables from files in the real formats; what is trained here is too little to mean anything.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { StudyMetrics, SweepMetrics } from '#dist/study/metrics.js';
import { writeCifar10 } from '../imageFiles.js';

const bin = fileURLToPath(new URL('../../../bin/qrkd.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-reproduce-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// One process for the training: starting a second costs more than these few steps.
const env = { ...process.env, QRKD_THREADS: '1' };
const qrkd = (...args: string[]) => promisify(execFile)(process.execPath, [bin, ...args], { cwd: folder, env });
const set = (settings: Record<string, unknown>) =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]);
const read = <T>(...path: string[]) => JSON.parse(readFileSync(join(folder, ...path), 'utf8')) as T;

describe('qrkd reproduce cifar10', () => {
  it('trains the whole table on files in the real format', { timeout: 600_000 }, async () => {
    await writeCifar10(join(folder, 'files'), { perBatch: 20, test: 20 });
    const small = {
      samples: 32,
      validationSamples: 16,
      'teacher.batchSize': 16,
      'student.batchSize': 16,
      'teacher.epochs': 1,
      'student.epochs': 1,
    };
    await qrkd(
      'reproduce',
      'cifar10',
      '--data',
      'files',
      '--quick',
      '--seeds',
      '1',
      ...set(small),
      '--csv',
      'runs.csv',
    );
    const { table, runs, config } = read<StudyMetrics>('qrkd-cifar10', 'metrics.json');
    const methods = ['Scratch', 'KD', 'RKD', 'KD+RKD', 'QRKD (ZZ)', 'QRKD (IQP)', 'QRKD (angle)'];
    const rows = ['Teacher', ...methods, 'RBF control', 'Cosine control'];
    assert.deepEqual(
      table.map(({ method }) => method),
      rows,
    );
    assert.deepEqual([config.teacher.variant, config.student.variant], ['resnet20', 'resnet8']);
    for (const { method, result } of runs) assert.equal(result.steps, 2, method);
    assert.equal(readFileSync(join(folder, 'runs.csv'), 'utf8').trimEnd().split('\n').length, rows.length + 1);
    for (const file of ['report.html', 'student.onnx', 'teacher.onnx', 'config.yaml']) {
      assert.ok(existsSync(join(folder, 'qrkd-cifar10', file)), file);
    }
  });
});

describe('studies', () => {
  const config = join(folder, 'study.yaml');
  writeFileSync(
    config,
    `samples: 64
validationSamples: 32
seeds: [3]
tuning: { seeds: [7], samples: 128 }
teacher: { epochs: 1 }
student: { epochs: 1 }
methods:
  Scratch: {}
  KD: { kd: 1, tune: [{ kd: 0.5 }, { kd: 2, temperature: 8 }] }
  QRKD: { extends: KD, quantum: 30 }
`,
  );

  it('tune on seeds of their own, never on the test part, and train again only what changed', async () => {
    await qrkd('distill', '--config', config, '--out', 'tuned');
    const { tuning, config: resolved } = read<StudyMetrics>('tuned', 'metrics.json');
    const [{ method, candidates, chosen, seeds }] = tuning!;
    assert.deepEqual([tuning!.length, method, seeds], [1, 'KD', [7]]);
    const best = Math.max(...candidates.map(({ validation }) => validation.mean));
    assert.equal(candidates[chosen].validation.mean, best);
    const { kd } = candidates[chosen].settings;
    assert.deepEqual([resolved.methods.KD.kd, resolved.methods.QRKD.kd], [kd, kd], 'what extends it has it, too');

    type Kept = { method: string; seed: number; result: { test?: object } };
    const kept = () => readdirSync(join(folder, 'tuned', 'runs')).filter((file) => /^[0-9a-f]+\.json$/.test(file));
    const records = kept().map((file) => read<Kept>('tuned', 'runs', file));
    assert.equal(records.length, 4 + 3);
    for (const { seed, result } of records) assert.equal(result.test !== undefined, seed === 3);

    const before = kept();
    const width = ['--over', 'student.width=4,6', '--runs', 'tuned/runs', '--out', 'sweep'];
    await qrkd('sweep', '--config', 'tuned/config.yaml', ...width);
    assert.equal(kept().length, before.length + 3, 'the width of 4 was there already');
    const { values, points } = read<SweepMetrics>('sweep', 'sweep.json');
    assert.deepEqual(values, [4, 6]);
    assert.deepEqual(points[0].table, read<StudyMetrics>('tuned', 'metrics.json').table);
  });

  it('take an ONNX file as their teacher', async () => {
    const onnx = { 'teacher.model': 'tuned/teacher.onnx', 'teacher.onnx': { features: 'features/relu' } };
    const settings = set({ ...onnx, 'student.augment': { shift: 2 } });
    await qrkd('distill', '--config', 'tuned/config.yaml', ...settings, '--out', 'onnx');
    const { runs, exported } = read<StudyMetrics>('onnx', 'metrics.json');
    const { runs: trained } = read<StudyMetrics>('tuned', 'metrics.json');
    assert.ok(runs[0].parameters >= 6690, 'with the constants of the graph');
    assert.deepEqual(runs[0].result.test!.accuracy, trained[0].result.test!.accuracy);
    assert.equal(exported.teacher, undefined);
  });
});
