import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, mock } from 'node:test';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  type DistillOptions,
  distill,
  type Inputs,
  qrkdLoss,
  ready,
  type Tap,
  type Teacher,
  type TokenSet,
} from 'qrkd/distill';
import { makeGpt2 } from 'qrkd/models';
import seedrandom from 'seedrandom';
import { allOutputs, openModel } from '#dist/distill/outputs.js';
import { topLogits, wholeLogits } from '#dist/distill/topLogits.js';
import { cloudOptions, weightsOf, zz } from './clouds.js';

const near = (a: number, b: number, tolerance: number) => assert.ok(Math.abs(a - b) <= tolerance, `${a}, ${b}`);

const VOCABULARY = 11;
const LENGTH = 6;
const SEQUENCES = 140;
const gpt2 = (seed: number, n_layer: number) =>
  makeGpt2(
    {
      vocab_size: VOCABULARY,
      n_positions: LENGTH,
      n_embd: 8,
      n_head: 2,
      n_layer,
      embd_pdrop: 0,
      resid_pdrop: 0,
      attn_pdrop: 0,
    },
    { seed },
  ).model;

function tokens(): TokenSet {
  const random = seedrandom('kept');
  const ids = Int32Array.from({ length: SEQUENCES * LENGTH }, () => Math.floor(random() * VOCABULARY));
  return { tokens: ids, labels: ids.map((id) => (random() < 0.9 ? id : -1)), shape: [SEQUENCES, LENGTH] };
}

/** A teacher of the user's own, which counts the samples that it is asked about. */
class CountingTeacher implements Teacher {
  readonly identity = 'counting';
  asked: number[] = [];
  readonly #model: LayersModel = gpt2(2, 2);

  async outputs(samples: Inputs, taps: readonly Tap[]) {
    this.asked.push(samples.shape[0]);
    const { logits, features } = allOutputs(openModel(this.#model, taps, 'teacher'), samples);
    return {
      logits: { data: logits.data, shape: [samples.shape[0], LENGTH * VOCABULARY] as [number, number] },
      features,
    };
  }

  total(): number {
    const sum = this.asked.reduce((total, count) => total + count, 0);
    this.asked = [];
    return sum;
  }
}

const place = { layer: 'ln_f', pooling: 'average' } as const;
const options = (change: Partial<DistillOptions> = {}): DistillOptions => ({
  student: gpt2(1, 1),
  teacher: gpt2(2, 2),
  train: tokens(),
  loss: qrkdLoss({
    ce: 1,
    kd: 2,
    temperature: 2,
    hidden: 1,
    distance: 1,
    angle: 2,
    quantum: 10,
    kernels: { student: zz(3), teacher: zz(4) },
  }),
  featurePairs: [{ student: place, teacher: place }],
  epochs: 2,
  batchSize: 16,
  learningRate: 0.01,
  ...change,
});

describe('the largest logits of a row', () => {
  const random = seedrandom('logits');
  const logits = {
    data: Float32Array.from({ length: 5 * 9 }, () => 8 * random() - 4),
    shape: [5, 9] as [number, number],
  };
  logits.data[3] = logits.data[7];
  const softmax = (row: Float32Array) => {
    const sum = row.reduce((total, value) => total + Math.exp(value), 0);
    return row.map((value) => Math.exp(value) / sum);
  };

  for (const k of [1, 3, 8, 9]) {
    it(`${k} of 9 keep their probabilities, the others share theirs`, () => {
      const kept = topLogits(logits, k);
      assert.deepEqual(kept.shape, [5, 2 * k + 1]);
      const whole = wholeLogits(kept, 9);
      for (let i = 0; i < 5; i++) {
        const [row, found] = [logits, whole].map(({ data }) => data.subarray(i * 9, (i + 1) * 9) as Float32Array);
        const order = [...row.keys()].sort((a, b) => row[b] - row[a] || a - b);
        const classes = kept.data.slice(i * (2 * k + 1), i * (2 * k + 1) + k);
        assert.deepEqual([...classes].sort(), order.slice(0, k).sort());
        const [wanted, given] = [softmax(row), softmax(found)];
        const rest = order.slice(k).reduce((sum, c) => sum + wanted[c], 0) / (9 - k);
        order.forEach((c, at) => {
          near(given[c], at < k ? wanted[c] : rest, 1e-6);
        });
      }
    });
  }

  it('stay finite where all others are far below', () => {
    const far = { data: Float32Array.of(0, -2000, -2000, -3000), shape: [1, 4] as [number, number] };
    const [, , rest] = topLogits(far, 1).data;
    near(rest, -2000 + Math.log(2 / 3), 1e-3);
  });
});

describe('outputs of a teacher that are kept on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qrkd-teacher-cache-'));
  const at = (name: string) => join(folder, name);
  before(() => ready());
  after(() => rmSync(folder, { recursive: true }));

  /** All files of a cache with when they were written. */
  const files = (cache: string): Record<string, number> =>
    Object.fromEntries(
      (readdirSync(cache, { recursive: true }) as string[])
        .filter((name) => name.endsWith('.npy'))
        .map((name) => [name, statSync(join(cache, name)).mtimeMs]),
    );

  for (const engine of ['native', 'tfjs'] as const) {
    it(`give the same training as the teacher itself, ${engine}, all terms`, async () => {
      const teacherCache = { folder: at(engine), topK: VOCABULARY };
      const live = await distill(options({ engine }));
      const kept = await distill(options({ engine, teacherCache }));
      assert.equal(kept.engine, engine);
      const [a, b] = [kept, live].map(({ student }) => weightsOf(student).flat());
      a.forEach((weight, k) => {
        near(weight, b[k], 1e-6);
      });
      kept.epochs.forEach(({ loss, terms }, e) => {
        near(loss, live.epochs[e].loss, 1e-5 * loss);
        assert.deepEqual(Object.keys(terms), Object.keys(live.epochs[e].terms));
      });
    });
  }

  it('are a distillation of their own where fewer logits are kept', async () => {
    const loss = qrkdLoss({ ce: 0, kd: 1, temperature: 1 });
    const run = async (topK: number) => {
      const { epochs } = await distill(options({ loss, epochs: 1, teacherCache: { folder: at('few'), topK } }));
      return epochs[0].loss;
    };
    const [one, most, all] = [await run(1), await run(VOCABULARY - 1), await run(VOCABULARY)];
    // One logit is left for one class: nothing was lost.
    near(most, all, 1e-6);
    assert.ok(one < all - 1e-4, `${one}, ${all}`);
  });

  it('are computed once, whatever the method, and where a run was stopped it goes on', async () => {
    const teacher = new CountingTeacher();
    const teacherCache = { folder: at('once'), topK: 4 };
    const run = (change: Partial<DistillOptions> = {}) => distill(options({ teacher, teacherCache, ...change }));
    const controller = new AbortController();
    const signalled = new CountingTeacher();
    signalled.outputs = async (samples, taps) => {
      if (signalled.asked.length === 6) controller.abort(new Error('stopped'));
      return CountingTeacher.prototype.outputs.call(signalled, samples, taps);
    };
    await assert.rejects(run({ teacher: signalled, signal: controller.signal }), /stopped/);
    const left = files(teacherCache.folder);
    // Logits, features, hidden states of the first 64 sequences: the next were not all there.
    assert.equal(Object.keys(left).length, 3);

    await run();
    // One tells how many numbers there are; hidden states of all tokens are looked at, since they are so few.
    assert.equal(teacher.total(), 1 + (SEQUENCES - 64) + SEQUENCES);
    const first = files(teacherCache.folder);
    assert.equal(Object.keys(first).length, 9);
    for (const [name, time] of Object.entries(left)) assert.equal(first[name], time);

    await run({ loss: qrkdLoss({ kd: 1, distance: 1 }), student: gpt2(5, 1) });
    assert.equal(teacher.total(), 1);
    assert.deepEqual(files(teacherCache.folder), first);

    const [damaged] = Object.keys(first).sort();
    truncateSync(join(teacherCache.folder, damaged), 100);
    await run();
    assert.equal(teacher.total(), 1 + 64 + SEQUENCES);
    const { [damaged]: written, ...others } = files(teacherCache.folder);
    assert.ok(written > first[damaged]);
    for (const [name, time] of Object.entries(others)) assert.equal(time, first[name]);
  });

  it('are announced with their size, once', async () => {
    const write = mock.method(process.stderr, 'write', () => true);
    try {
      const loss = qrkdLoss({ kd: 1 });
      const teacherCache = { folder: at('size'), topK: 3 };
      for (const _ of [1, 2]) await distill(options({ loss, teacherCache, epochs: 1 }));
      const lines = write.mock.calls.map(({ arguments: [line] }) => String(line)).filter((line) => /keeps/.test(line));
      assert.deepEqual(lines, [
        `qrkd: distill: keeps outputs of the teacher in ${at('size')}: 1 MB (140 sequences of 6 tokens, 3 of 11 logits a token)\n`,
      ]);
    } finally {
      write.mock.restore();
    }
  });

  it('are refused where they make no sense', async () => {
    const folder = at('refused');
    const refused = (change: Partial<DistillOptions>, message: RegExp, code = 'ERR_QRKD_VALUE') =>
      assert.rejects(distill(options(change)), { code, message });
    const cache = (topK: number) => ({ teacherCache: { folder, topK } });
    await refused(cache(0), /^distill: teacherCache\.topK must be a whole number of at least 1, got 0$/);
    await refused(cache(12), /^distill: teacherCache\.topK 12 is more than the vocabulary of 11$/);
    await refused({ teacherCache: { folder: '', topK: 1 } }, /teacherCache\.folder must be .* got ""/, 'ERR_QRKD_TYPE');
    await refused(
      { ...cache(2), augment: () => undefined },
      /^distill: teacherCache does not go with augment, .*; leave one of them out$/,
    );
    await assert.rejects(distill(cloudOptions(cache(1))), {
      code: 'ERR_QRKD_VALUE',
      message: /^distill: teacherCache is for models that give logits for every token/,
    });
  });

  it('belong to a checkpoint by their number', async () => {
    const checkpoint = { path: at('run.json') };
    await distill(options({ checkpoint, teacherCache: { folder: at('few'), topK: 1 } }));
    await assert.rejects(distill(options({ checkpoint })), /topK differs \(1 there, nothing here\)/);
  });
});
