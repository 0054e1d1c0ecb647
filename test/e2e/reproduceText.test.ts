// The tables of texts from files in the real formats; what is trained here is too little to mean anything.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ready } from 'qrkd/distill';
import { makeGpt2, saveGpt2 } from 'qrkd/models';
import seedrandom from 'seedrandom';
import type { StudyMetrics } from '#dist/study/metrics.js';

const bin = fileURLToPath(new URL('../../../bin/qrkd.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-texts-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// One process for the training: starting a second costs more than these few steps.
const env = { ...process.env, QRKD_THREADS: '1' };
const qrkd = (...args: string[]) => promisify(execFile)(process.execPath, [bin, ...args], { cwd: folder, env });
const set = (settings: Record<string, unknown>) =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]);
const read = <T>(...path: string[]) => JSON.parse(readFileSync(join(folder, ...path), 'utf8')) as T;

const random = seedrandom('texts');
const WORDS = 'the a cat dog house tree sees likes <unk> N red blue and or of'.split(' ');
const sentence = () =>
  Array.from({ length: 4 + Math.floor(8 * random()) }, () => WORDS[Math.floor(WORDS.length * random() ** 3)]).join(' ');
const lines = (n: number) => Array.from({ length: n }, () => ` ${sentence()} \n`).join('');

const small = {
  samples: 16,
  validationSamples: 4,
  'teacher.batchSize': 8,
  'student.batchSize': 8,
  'teacher.epochs': 1,
  'student.epochs': 1,
  'text.length': 12,
  'teacher.gpt2': { layers: 2, width: 16, heads: 2 },
  'student.gpt2': { layers: 1, width: 12, heads: 2 },
};
const ROWS = [
  'Teacher',
  'Student alone',
  'KD',
  'DistilGPT2-style',
  'RKD',
  'KD+RKD',
  'QRKD (ZZ)',
  'QRKD (IQP)',
  'QRKD (angle)',
  'RBF control',
  'Cosine control',
];

const files = join(folder, 'ptb');
mkdirSync(files);
for (const [part, n] of Object.entries({ train: 60, valid: 15, test: 12 })) {
  writeFileSync(join(files, `ptb.${part}.txt`), lines(n));
}

describe('qrkd reproduce, texts', () => {
  it('ptb: perplexities of tokens and words, from files as Mikolov made them', { timeout: 600_000 }, async () => {
    const stride = { 'text.stride': 6 };
    const { stdout } = await qrkd(
      'reproduce',
      'ptb',
      '--data',
      'ptb',
      '--quick',
      '--seeds',
      '1',
      ...set({ ...small, ...stride }),
    );
    assert.match(stdout, /Test \(word\)/);
    const { table, runs, samples } = read<StudyMetrics>('qrkd-ptb', 'metrics.json');
    assert.deepEqual(
      table.map(({ method }) => method),
      ROWS,
    );
    // Every token of the test part but the first is predicted once, whatever the stride.
    const words = readFileSync(join(files, 'ptb.test.txt'), 'utf8').split(/\s+/).filter(Boolean).length + 12;
    assert.equal(samples.testWords, words);
    for (const { method, result } of runs) {
      assert.equal(result.test!.samples, words - 1, method);
      assert.ok(Number.isFinite(result.test!.crossEntropy), method);
    }
    const teacher = runs.find(({ method }) => method === 'Teacher')!;
    assert.equal(teacher.result.engine, 'native');
    assert.ok(read<StudyMetrics>('qrkd-ptb', 'metrics.json').exported.student.maxDifference < 1e-4);
  });

  it("ptb: a teacher and a student as transformers has them, with the teacher's tokens", {
    timeout: 600_000,
  }, async () => {
    await ready();
    const tokenizer = fileURLToPath(new URL('../../../test/fixtures/bpe', import.meta.url));
    const vocabulary = Object.keys(JSON.parse(readFileSync(join(tokenizer, 'vocab.json'), 'utf8'))).length;
    const shape = { vocab_size: vocabulary, n_positions: 16, n_embd: 16, n_head: 2, eos_token_id: 0 };
    for (const [name, blocks] of [
      ['big', 2],
      ['less', 1],
    ] as const) {
      await saveGpt2(makeGpt2({ ...shape, n_layer: blocks }, { seed: blocks, tokenizer }), join(folder, name));
    }
    const models = ['--teacher', 'big', '--student', 'less', '--out', 'given'];
    const methods = { 'Student alone': {}, KD: { kd: 1, temperature: 2 } };
    await qrkd(
      'reproduce',
      'ptb',
      '--data',
      'ptb',
      '--quick',
      '--seeds',
      '1',
      ...models,
      ...set({ ...small, methods }),
    );
    const { runs } = read<StudyMetrics>('given', 'metrics.json');
    assert.deepEqual(
      runs.map(({ method, result }) => [method, result.steps]),
      [
        ['Teacher', 0],
        ['Student alone', 2],
        ['KD', 2],
      ],
    );
    // A model that knows nothing gives every token the same chance, nearly.
    assert.ok(Math.abs(runs[0].result.test!.crossEntropy - Math.log(vocabulary)) < 0.1);

    const tuned = {
      'teacher.fineTune': true,
      'teacher.batchSize': 8,
      'teacher.epochs': 2,
      'teacher.learningRate': 1e-2,
    };
    await qrkd(
      'reproduce',
      'ptb',
      '--data',
      'ptb',
      '--quick',
      '--seeds',
      '1',
      '--teacher',
      'big',
      '--out',
      'tuned',
      ...set({
        ...small,
        methods,
        ...tuned,
        'student.fromTeacher': true,
        'student.learningRate': 1e-9,
        'student.gpt2': { layers: 2, width: 16, heads: 2 },
      }),
    );
    const [teacher, student] = read<StudyMetrics>('tuned', 'metrics.json').runs.map(({ result }) => result);
    assert.equal(teacher.steps, 4);
    assert.ok(teacher.test!.crossEntropy < runs[0].result.test!.crossEntropy - 0.5, `${teacher.test!.crossEntropy}`);
    // The student begins as the teacher that was trained.
    assert.ok(Math.abs(student.test!.crossEntropy - teacher.test!.crossEntropy) < 1e-5);
  });

  it('a student that begins as layers of its teacher', { timeout: 600_000 }, async () => {
    const methods = { 'Student alone': {} };
    // With all of the teacher's layers, and steps that change nothing, it is the teacher.
    const sizes = { 'student.gpt2': { layers: 2, width: 16, heads: 2 }, 'student.fromTeacher': true };
    const changes = { ...small, ...sizes, methods, 'student.learningRate': 1e-9 };
    await qrkd('reproduce', 'ptb', '--data', 'ptb', '--quick', '--seeds', '1', '--out', 'layers', ...set(changes));
    const [teacher, student] = read<StudyMetrics>('layers', 'metrics.json').runs;
    const difference = student.result.test!.crossEntropy - teacher.result.test!.crossEntropy;
    assert.ok(Math.abs(difference) < 1e-5, `${difference}`);
    assert.notEqual(student.result.steps, 0);
  });

  it('imdb: a class for every text, from a folder as it is published', { timeout: 600_000 }, async () => {
    for (const part of ['train', 'test']) {
      for (const kind of ['pos', 'neg']) {
        const at = join(folder, 'aclImdb', part, kind);
        mkdirSync(at, { recursive: true });
        for (let k = 0; k < 14; k++) writeFileSync(join(at, `${k}_${kind === 'pos' ? 9 : 2}.txt`), `${sentence()}\n`);
      }
    }
    const changes = { ...small, samples: 16, validationSamples: 4, 'text.vocabulary': 280 };
    await qrkd('reproduce', 'imdb', '--data', 'aclImdb', '--quick', '--seeds', '1', ...set(changes));
    const { table, runs, config } = read<StudyMetrics>('qrkd-imdb', 'metrics.json');
    assert.deepEqual(
      table.map(({ method }) => method),
      ROWS,
    );
    assert.deepEqual([config.featureLayer, config.hiddenLayer], ['pooled', 'pooled']);
    for (const { method, result } of runs) assert.equal(result.test!.samples, 28, method);
    assert.ok(table.every(({ testF1 }) => testF1 && testF1.mean > 0 && testF1.mean <= 100));

    // Language models get heads for the classes, and are trained.
    const heads = { ...small, methods: { 'Student alone': {}, KD: { kd: 1 } }, 'teacher.fineTune': true };
    await qrkd(
      'reproduce',
      'imdb',
      '--data',
      'aclImdb',
      '--quick',
      '--seeds',
      '2',
      '--teacher',
      'big',
      '--student',
      'less',
      '--out',
      'heads',
      ...set(heads),
    );
    const given = read<StudyMetrics>('heads', 'metrics.json').runs;
    assert.deepEqual(
      given.map(({ method, result }) => [method, result.steps]),
      ['Teacher', 'Teacher', 'Student alone', 'KD', 'Student alone', 'KD'].map((method) => [method, 2]),
    );
    // A fresh head is another one for every seed.
    const [first, second] = given.map(({ result }) => result.test!.crossEntropy);
    assert.notEqual(first, second);
  });

  it('says what is wrong before any work', async () => {
    const refuse = (args: string[], message: RegExp) =>
      assert.rejects(qrkd(...args), ({ code, stderr }: { code: number; stderr: string }) => {
        assert.equal(code, 2);
        assert.match(stderr, message);
        assert.equal(stderr.trim().split('\n').length, 1);
        return true;
      });
    await refuse(['reproduce', 'mnist', '--teacher', 'x'], /--teacher and --student are for texts/);
    await refuse(
      ['reproduce', 'ptb', '--data', 'ptb', '--quick', ...set({ ...small, 'student.gpt2': { width: 30 } })],
      /student\.gpt2: n_embd is 30; expected a multiple of n_head, 4/,
    );
    await refuse(
      ['reproduce', 'ptb', '--data', 'ptb', '--quick', ...set({ ...small, 'student.fromTeacher': true })],
      /student\.gpt2\.width is 12, the teacher's 16; with student\.fromTeacher they must be the same/,
    );
    await refuse(['reproduce', 'ptb', '--data', 'nowhere'], /nowhere/);
    const big = ['--teacher', 'big', ...set(small)];
    await refuse(
      ['reproduce', 'imdb', '--data', 'aclImdb', '--quick', ...big],
      /big is a language model, but text\.task is classification; teacher\.fineTune: true gives it a head/,
    );
    await refuse(
      ['reproduce', 'ptb', '--data', 'ptb', '--quick', ...set({ 'teacher.fineTune': true })],
      /teacher\.fineTune is for a teacher\.model that can be trained/,
    );
    await refuse(
      ['reproduce', 'ptb', '--data', 'ptb', '--quick', ...big, ...set({ 'student.fromTeacher': true })],
      /n_embd is 12, the teacher's is 16/,
    );
    writeFileSync(join(folder, 'no-text.yaml'), 'data: brown\nmethods: { A: {} }\n');
    await refuse(['distill', '--config', 'no-text.yaml'], /data is text, "brown"; say how it is learned: text: \{\}/);
  });
});
