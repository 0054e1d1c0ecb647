import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { RbfKernel } from 'qrkd';
import { type DistillOptions, distill, type FeaturePair, qrkdLoss, ready, type SampleSet, tf } from 'qrkd/distill';
import seedrandom from 'seedrandom';
import { allOutputs, openModel } from '#dist/distill/outputs.js';
import { compileNetwork } from '#dist/network/compile.js';
import { NativeNetwork } from '#dist/network/NativeNetwork.js';
import { weightsOf } from './clouds.js';

/** Small images of noise. */
function images(n: number): SampleSet {
  const random = seedrandom('pairs');
  const data = Float32Array.from({ length: 36 * n }, () => 2 * random() - 1);
  return { images: data, labels: Int32Array.from({ length: n }, (_, i) => i % 3), shape: [n, 6, 6, 1] };
}

/** Fused activations in `conv` and `hidden`, one of its own in `leaky`. */
function network(width: number, seed: number): LayersModel {
  const kernelInitializer = (offset: number) => tf.initializers.heUniform({ seed: seed + offset });
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [6, 6, 1],
        filters: width,
        kernelSize: 3,
        activation: 'relu',
        biasInitializer: tf.initializers.randomUniform({ minval: -0.2, maxval: 0.2, seed: 9 }),
        kernelInitializer: kernelInitializer(1),
        name: 'conv',
      }),
      tf.layers.conv2d({ filters: width, kernelSize: 2, kernelInitializer: kernelInitializer(2), name: 'conv2' }),
      tf.layers.leakyReLU({ alpha: 0.2, name: 'leaky' }),
      tf.layers.flatten({ name: 'flat' }),
      tf.layers.dense({
        units: 2 * width,
        activation: 'tanh',
        kernelInitializer: kernelInitializer(3),
        name: 'hidden',
      }),
      tf.layers.dense({ units: 3, kernelInitializer: kernelInitializer(4), name: 'logits' }),
    ],
  });
}

const PAIRS: FeaturePair[] = [
  {
    student: { layer: 'conv', activation: 'before', pooling: 'average' },
    teacher: { layer: 'conv', pooling: 'max' },
    weight: 0.5,
  },
  { student: { layer: 'leaky', activation: 'before', pooling: 'max' }, teacher: 'conv2', weight: 2 },
  { student: { layer: 'hidden', activation: 'before' }, teacher: 'hidden' },
];

function options(change: Partial<DistillOptions> = {}): DistillOptions {
  const kernels = { student: new RbfKernel({ gamma: 0.25 }), teacher: new RbfKernel({ gamma: 0.25 }) };
  return {
    teacher: network(4, 7),
    student: network(3, 1),
    train: images(64),
    loss: qrkdLoss({ kd: 1, distance: 2, angle: 3, quantum: 5, kernels, projection: { teacherFeatures: 3 } }),
    featurePairs: PAIRS,
    epochs: 2,
    batchSize: 16,
    optimizer: 'sgd',
    learningRate: 0.05,
    ...change,
  };
}

function assertClose(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(a.length, b.length);
  for (let k = 0; k < a.length; k++) assert.ok(Math.abs(a[k] - b[k]) <= tolerance, `${what}: ${a[k]} and ${b[k]}`);
}

describe('01 where features are taken', () => {
  before(() => ready());

  it('before and after activations, pooled or flat: what tfjs says, in both engines', async () => {
    const model = network(3, 1);
    const set = images(5);
    const x = tf.tensor(set.images, set.shape as number[]);
    const valuesAt = (name: string) =>
      tf.model({ inputs: model.inputs, outputs: model.getLayer(name).output }).predict(x) as Tensor;
    const [kernel, bias] = model.getLayer('conv').getWeights();
    const conv = tf.add(tf.conv2d(x as never, kernel as never, 1, 'valid'), bias);
    const [dense, offset] = model.getLayer('hidden').getWeights();
    const hidden = tf.add(tf.matMul(valuesAt('flat'), dense), offset);
    const cases = [
      [{ layer: 'conv', activation: 'before' }, tf.reshape(conv, [5, -1])],
      [{ layer: 'conv', activation: 'before', pooling: 'average' }, tf.mean(conv, [1, 2])],
      [{ layer: 'conv', activation: 'before', pooling: 'max' }, tf.max(conv, [1, 2])],
      ['conv', tf.reshape(tf.relu(conv), [5, -1])],
      [{ layer: 'conv', pooling: 'average' }, tf.mean(tf.relu(conv), [1, 2])],
      [{ layer: 'conv2', activation: 'before', pooling: 'max' }, tf.max(valuesAt('conv2'), [1, 2])],
      [{ layer: 'leaky', activation: 'before' }, tf.reshape(valuesAt('conv2'), [5, -1])],
      [{ layer: 'hidden', activation: 'before' }, hidden],
      ['hidden', tf.tanh(hidden)],
      ['logits', valuesAt('logits')],
    ] as const;
    const specs = cases.map(([spec]) => spec);
    const opened = openModel(model, specs, 'model');
    const tfjs = allOutputs(opened, set);
    const native = new NativeNetwork(compileNetwork(model, { features: specs }), { maxBatch: 8 });
    const values = await native.evaluate({ images: set.images, count: 5 });
    cases.forEach(([spec, wanted], k) => {
      const what = JSON.stringify(spec);
      const matrix = values[native.network.features[k]];
      assert.deepEqual([tfjs.features[k].shape, matrix.shape], [wanted.shape, wanted.shape], what);
      assert.equal(opened.featureWidths[k], wanted.shape[1], what);
      assertClose(tfjs.features[k].data, wanted.dataSync(), 1e-5, `tfjs, ${what}`);
      assertClose(matrix.data, wanted.dataSync(), 1e-5, `native, ${what}`);
    });
    native.dispose();
  });

  it('of a sequence: pooled over its length', async () => {
    const input = tf.input({ shape: [5, 2] });
    const y = tf.layers.dense({ units: 4, activation: 'relu', name: 'each' }).apply(input);
    const model = tf.model({
      inputs: input,
      outputs: tf.layers.dense({ units: 3 }).apply(tf.layers.flatten().apply(y)) as never,
    });
    const set = { images: images(1).images.slice(0, 30), shape: [3, 5, 2] };
    const specs = (['average', 'max'] as const).map((pooling) => ({ layer: 'each', pooling }));
    const { features } = allOutputs(openModel(model, specs, 'model'), set);
    const native = new NativeNetwork(compileNetwork(model, { features: specs }), { maxBatch: 8 });
    const values = await native.evaluate({ images: set.images, count: 3 });
    specs.forEach((_, k) => {
      assert.deepEqual(features[k].shape, [3, 4]);
      assertClose(values[native.network.features[k]].data, features[k].data, 1e-6, 'pooled');
    });
    native.dispose();
  });

  it('leaves the model as it is, and says what cannot be', async () => {
    const model = network(3, 1);
    openModel(
      model,
      PAIRS.map(({ student }) => student),
      'model',
    );
    assert.equal(model.layers.length, 6);
    assert.ok(model.getLayer('conv').output, 'each layer has one output still');
    const refused = (featurePairs: unknown, message: RegExp) =>
      assert.rejects(distill(options({ featurePairs } as never)), { message });
    const pair = (student: unknown) => [{ student, teacher: 'hidden' }];
    await refused(
      pair('dense'),
      /distill: student has no layer named "dense".*conv, conv2, leaky, flat, hidden, logits/,
    );
    await refused(pair({ layer: 'flat', activation: 'before' }), /layer "flat" \(Flatten\) has no activation/);
    await refused(pair({ layer: 'hidden', pooling: 'max' }), /layer "hidden" gives 6 numbers, not a map/);
    await refused(pair({ layer: 'conv', poling: 'max' }), /featurePairs\[0\]\.student: unknown key "poling"/);
    await refused(pair({ layer: 'conv', pooling: 'mean' }), /student\.pooling must be none or average or max/);
    await refused([{ student: 'conv', teacher: 'conv', weight: 0 }], /featurePairs\[0\]\.weight must be above 0/);
    await refused([], /featurePairs must be a list/);
    await assert.rejects(distill(options({ featureLayer: 'conv' })), /short form of featurePairs/);
  });
});

describe('02 several pairs', () => {
  before(() => ready());

  it('train alike in both engines: every term, its gradient norm, the weights', async () => {
    const run = async (engine: 'native' | 'tfjs') => {
      const given = options({ engine });
      const result = await distill(given);
      assert.equal(result.engine, engine);
      return { epochs: result.epochs, weights: weightsOf(given.student).flat() };
    };
    const [native, tfjs] = [await run('native'), await run('tfjs')];
    native.epochs.forEach(({ loss, terms }, e) => {
      assertClose([loss], [tfjs.epochs[e].loss], 1e-4, 'loss');
      for (const term of ['ce', 'kd', 'distance', 'angle', 'quantum'] as const) {
        const [a, b] = [terms[term]!, tfjs.epochs[e].terms[term]!];
        assertClose([a.raw, a.weighted, a.gradientNorm], [b.raw, b.weighted, b.gradientNorm], 2e-4, term);
      }
    });
    assertClose(native.weights, tfjs.weights, 1e-4, 'weights');
  });

  it('have the gradient that finite differences give', async () => {
    const start = network(3, 1);
    const first = start.getWeights();
    /** Loss of one batch at the weights moved along a direction, and the weights after a step. */
    const at = async (factor: number, direction: Float32Array[], learningRate: number) => {
      const student = network(3, 1);
      student.setWeights(
        first.map((weight, w) => tf.add(weight, tf.mul(factor, tf.tensor(direction[w], weight.shape)))),
      );
      const { epochs } = await distill(
        options({ student, train: images(16), epochs: 1, learningRate, precision: 'float64', engine: 'native' }),
      );
      return { loss: epochs[0].loss, student };
    };
    const none = first.map(({ size }) => new Float32Array(size));
    const { student } = await at(0, none, 1);
    const gradient = student.getWeights().map((weight, w) => tf.sub(first[w], weight).dataSync() as Float32Array);
    const square = gradient.flatMap((values) => [...values]).reduce((sum, v) => sum + v * v, 0);
    const h = 1e-3 / Math.sqrt(square);
    const slope = ((await at(h, gradient, 1e-9)).loss - (await at(-h, gradient, 1e-9)).loss) / (2 * h);
    assert.ok(Math.abs(slope / square - 1) < 2e-3, `${slope} along the gradient, whose square is ${square}`);
  });

  it('add up: one pair is the short form, to the bit; halves of one pair are the pair', async () => {
    const run = async (change: Partial<DistillOptions>) => {
      const given = options({ featurePairs: undefined, ...change });
      const { epochs } = await distill(given);
      return {
        raw: epochs.flatMap(({ terms }) => Object.values(terms).map(({ raw }) => raw)),
        weights: weightsOf(given.student).flat(),
      };
    };
    const short = await run({ featureLayer: 'hidden' });
    const hidden = { student: 'hidden', teacher: 'hidden' };
    assert.deepEqual(await run({ featurePairs: [hidden] }), short);
    const halves = await run({
      featurePairs: [
        { ...hidden, weight: 0.5 },
        { ...hidden, weight: 0.5 },
      ],
    });
    assertClose(halves.raw, short.raw, 1e-6, 'terms');
    assertClose(halves.weights, short.weights, 1e-6, 'weights');
  });

  it('belong to a checkpoint', async () => {
    const root = mkdtempSync(join(tmpdir(), 'qrkd-pairs-'));
    after(() => rmSync(root, { recursive: true }));
    const checkpoint = { path: join(root, 'run.json') };
    await distill(options({ checkpoint, epochs: 1 }));
    await assert.rejects(
      distill(options({ checkpoint, epochs: 1, featurePairs: PAIRS.slice(1) })),
      /featurePairs differs/,
    );
  });
});
