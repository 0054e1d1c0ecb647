import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  type DistillOptions,
  type DistillResult,
  distill,
  type Inputs,
  qrkdLoss,
  ready,
  type Tap,
  type Teacher,
  type TokenSet,
  tf,
  train,
} from 'qrkd/distill';
import { makeGpt2 } from 'qrkd/models';
import seedrandom from 'seedrandom';
import { allOutputs, openModel } from '#dist/distill/outputs.js';
import { cloudOptions, clouds, denseNetwork, normalizedNetwork, weightsOf, zz } from './clouds.js';

const near = (a: number, b: number, tolerance: number) => assert.ok(Math.abs(a - b) <= tolerance, `${a}, ${b}`);

/** Momentum: weights follow gradients of any size, where adam would take away a factor that is wrong. */
const THREE_STEPS = { engine: 'tfjs', optimizer: 'momentum', learningRate: 0.1, epochs: 3 } as const;

/** The same run with and without micro-batches comes to the same numbers. */
async function comparable(make: () => DistillOptions, microBatch: number): Promise<void> {
  const untrained = weightsOf(make().student).flat();
  const whole = await distill(make());
  const parts = await distill({ ...make(), microBatch });
  parts.epochs.forEach(({ loss, terms, runningAccuracy, zeroVectors }, e) => {
    const other = whole.epochs[e];
    assert.deepEqual(Object.keys(terms), Object.keys(other.terms));
    near(loss, other.loss, 1e-5 * other.loss);
    for (const [term, { raw, weighted, gradientNorm }] of Object.entries(other.terms)) {
      const own = terms[term as keyof typeof terms]!;
      near(own.raw, raw, 1e-5 * raw);
      near(own.weighted, weighted, 1e-5 * weighted);
      near(own.gradientNorm, gradientNorm, 1e-4 * gradientNorm);
    }
    assert.deepEqual([runningAccuracy, zeroVectors], [other.runningAccuracy, other.zeroVectors]);
  });
  const [a, b] = [parts, whole].map(({ student }) => weightsOf(student).flat());
  a.forEach((weight, k) => {
    near(weight, b[k], 1e-5);
  });
  assert.ok(b.some((weight, k) => Math.abs(weight - untrained[k]) > 1e-2));
  near(parts.train.crossEntropy, whole.train.crossEntropy, 1e-5);
}

const VOCABULARY = 11;
const LENGTH = 6;
const CONFIG = { vocab_size: VOCABULARY, n_positions: LENGTH, n_embd: 8, n_head: 2 };
const NO_DROPOUT = { embd_pdrop: 0, resid_pdrop: 0, attn_pdrop: 0 };
const gpt2 = (seed: number, n_layer: number) => makeGpt2({ ...CONFIG, ...NO_DROPOUT, n_layer }, { seed }).model;

/** Of the first sequence one token counts, of the second none, of the others most. */
function unevenTokens(n: number): TokenSet {
  const random = seedrandom('uneven');
  const id = () => Math.floor(random() * VOCABULARY);
  return {
    tokens: Int32Array.from({ length: n * LENGTH }, id),
    labels: Int32Array.from({ length: n * LENGTH }, (_, k) => {
      const counts = k < 2 * LENGTH ? k === 0 : random() < 0.9;
      return counts ? id() : -1;
    }),
    shape: [n, LENGTH],
  };
}

const place = { layer: 'ln_f', pooling: 'average' } as const;
/** A batch is all seven sequences; every term there is. */
const tokenOptions = (change: Partial<DistillOptions> = {}): DistillOptions => ({
  student: gpt2(1, 1),
  teacher: gpt2(2, 2),
  train: unevenTokens(7),
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
  batchSize: 7,
  ...THREE_STEPS,
  ...change,
});

/** A teacher of the user's own, which counts the samples that it is asked about. */
class CountingTeacher implements Teacher {
  readonly identity = 'counting';
  readonly asked: number[] = [];
  constructor(private readonly model: LayersModel) {}

  async outputs(samples: Inputs, taps: readonly Tap[]) {
    this.asked.push(samples.shape[0]);
    const opened = openModel(this.model, taps, 'teacher');
    const { logits, features } = allOutputs(opened, samples);
    const [n] = samples.shape;
    return { logits: { data: logits.data, shape: [n, logits.data.length / n] as [number, number] }, features };
  }
}

describe('micro-batches', () => {
  before(() => ready());

  for (const microBatch of [1, 5, 8]) {
    it(`of ${microBatch} take a small network's steps, all terms`, () =>
      comparable(
        () => cloudOptions({ ...THREE_STEPS, train: clouds(16), batchSize: 16, learningRate: 0.02 }),
        microBatch,
      ));
  }

  it('take them of augmented samples', async () => {
    const augment = (images: Float32Array, { step }: { step: number }) =>
      images.map((value) => value * (1 + 0.1 * step));
    const change = { ...THREE_STEPS, train: clouds(16), batchSize: 16, learningRate: 0.02, augment };
    await comparable(() => cloudOptions(change), 5);
  });

  for (const microBatch of [1, 3]) {
    it(`of ${microBatch} take a GPT-2's steps, all terms, labels that count unevenly spread`, () =>
      comparable(() => tokenOptions(), microBatch));
  }

  it('never ask a teacher that runs on every batch about more samples than a part has', async () => {
    const teacher = new CountingTeacher(gpt2(2, 2));
    await distill(tokenOptions({ teacher, microBatch: 3, epochs: 2, loss: qrkdLoss({ kd: 1, distance: 1 }) }));
    // First the features of all of them.
    assert.deepEqual(teacher.asked, [7, 3, 3, 1, 3, 3, 1]);

    const another = new CountingTeacher(denseNetwork(6, 1));
    const augment = () => undefined;
    await distill(
      cloudOptions({ ...THREE_STEPS, teacher: another, train: clouds(16), augment, epochs: 1, microBatch: 6 }),
    );
    // The features of every part come before the logits of the first.
    assert.deepEqual(another.asked, [16, 6, 6, 4, 6, 6, 4]);
  });

  it('leave no tensors behind, not even where a part fails', async () => {
    const counts: number[][] = [];
    const onEpoch = () => {
      const { numTensors, numBytes } = tf.memory();
      counts.push([numTensors, numBytes]);
    };
    const options = tokenOptions({ microBatch: 2, epochs: 12, onEpoch });
    await distill(options);
    assert.equal(counts.length, 12);
    for (const count of counts) assert.deepEqual(count, counts[0]);

    const teacher = new CountingTeacher(gpt2(2, 2));
    const failing: Teacher = {
      identity: 'failing',
      outputs: (samples, taps) => {
        if (teacher.asked.length === 3) throw new Error('no more');
        return teacher.outputs(samples, taps);
      },
    };
    const kept = weightsOf(options.student);
    const tensors = tf.memory().numTensors;
    await assert.rejects(distill({ ...options, teacher: failing }), /no more/);
    assert.equal(tf.memory().numTensors, tensors);
    assert.deepEqual(weightsOf(options.student), kept);
  });

  it('of at least a batch change nothing', async () => {
    const run = async (microBatch?: number) => {
      const result = await distill(cloudOptions({ epochs: 1, ...(microBatch && { microBatch }) }));
      assert.equal(result.engine, 'native');
      return weightsOf(result.student);
    };
    assert.deepEqual(await run(16), await run());
  });

  it('are left to tfjs by the native engine', async () => {
    const options = { model: denseNetwork(3, 1), train: clouds(16), epochs: 1, batchSize: 8, microBatch: 4 };
    await assert.rejects(train({ ...options, engine: 'native' }), {
      code: 'ERR_QRKD_VALUE',
      message:
        'train cannot run on the native engine: the native engine takes every batch as a whole, and microBatch is 4',
    });
    assert.equal((await train(options)).engine, 'tfjs');
  });

  it('are refused where the parts would not make up the batch, and are whole numbers', async () => {
    const refused = (change: Partial<DistillOptions>, message: RegExp) =>
      assert.rejects(distill(cloudOptions({ microBatch: 4, ...change })), { code: 'ERR_QRKD_VALUE', message });
    await refused({ microBatch: 0 }, /^distill: microBatch must be a whole number of at least 1, got 0$/);
    await refused({ microBatch: 2.5 }, /microBatch must be a whole number of at least 1, got 2\.5$/);
    const [teacher, loss] = [undefined, qrkdLoss()];
    const normalized = normalizedNetwork(3, 1);
    await refused(
      { student: normalized, teacher, loss },
      /^distill: microBatch does not go with the layer "\w+" \(BatchNormalization\), whose mean .*; leave microBatch out$/,
    );
    const around = tf.sequential({ layers: [tf.layers.reLU({ inputShape: [2] }), normalized] });
    await refused({ student: around, teacher, loss }, /the layer "\w+" \(BatchNormalization\)/);

    const dropping = (rate: number) => denseNetwork(3, 2, [tf.layers.dropout({ rate, inputShape: [2], name: 'drop' })]);
    await refused(
      { student: dropping(0.2) },
      /^distill: microBatch with the terms .* in which the layer "drop" \(Dropout\) would draw different numbers; set /,
    );
    const { epochs } = await distill(cloudOptions({ student: dropping(0.2), teacher, loss, epochs: 1, microBatch: 4 }));
    assert.equal(epochs[0].steps, 12);
    await distill(cloudOptions({ student: dropping(0), epochs: 1, microBatch: 4 }));

    const attention = makeGpt2({ ...CONFIG, ...NO_DROPOUT, attn_pdrop: 0.1, n_layer: 1 }, { seed: 1 }).model;
    await assert.rejects(
      distill(tokenOptions({ student: attention, microBatch: 2 })),
      /the layer "[\w.]+" \(CausalSelfAttention\) would draw different numbers/,
    );
  });

  it('belong to a checkpoint: a run goes on with the same ones, to the bit', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qrkd-micro-batches-'));
    try {
      const checkpoint = { path: join(folder, 'run.json') };
      const controller = new AbortController();
      const onEpoch = () => controller.abort(new Error('stopped'));
      await assert.rejects(
        distill({ ...tokenOptions({ microBatch: 3 }), checkpoint, signal: controller.signal, onEpoch }),
      );
      await assert.rejects(
        distill({ ...tokenOptions(), checkpoint }),
        /of another run: microBatch differs \(3 there, nothing here\)/,
      );
      const runs: DistillResult[] = [
        await distill({ ...tokenOptions({ microBatch: 3 }), checkpoint }),
        await distill(tokenOptions({ microBatch: 3 })),
      ];
      const [resumed, straight] = runs.map(({ student }) => weightsOf(student));
      assert.deepEqual(resumed, straight);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
