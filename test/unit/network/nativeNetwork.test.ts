import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import { distill, qrkdLoss, ready, tf } from 'qrkd/distill';
import { compileNetwork } from '#dist/network/compile.js';
import { makeData, NativeNetwork } from '#dist/network/NativeNetwork.js';
import { normalSamples } from './gradients.js';

const seeded = (seed: number) => tf.initializers.glorotUniform({ seed });

/** Layers that may run in place, views, a branch: every one of them can be tapped. */
function tapped() {
  const input = tf.input({ shape: [6, 6, 2], name: 'input' });
  const chain = (x: SymbolicTensor, ...layers: { apply(x: SymbolicTensor): unknown }[]) =>
    layers.reduce((y, layer) => layer.apply(y) as SymbolicTensor, x);
  const conv = tf.layers.conv2d({ filters: 4, kernelSize: 3, kernelInitializer: seeded(1), name: 'conv' });
  const relu = chain(input, conv, tf.layers.leakyReLU({ name: 'leaky' }));
  const norm = chain(
    relu,
    tf.layers.batchNormalization({ name: 'norm' }),
    tf.layers.activation({ activation: 'tanh', name: 'tanh' }),
  );
  const sum = tf.layers.add({ name: 'sum' }).apply([relu, norm]) as SymbolicTensor;
  const flat = chain(sum, tf.layers.maxPooling2d({ poolSize: 2, name: 'pool' }), tf.layers.flatten({ name: 'flat' }));
  const logits = chain(flat, tf.layers.dense({ units: 3, kernelInitializer: seeded(2), name: 'logits' }));
  return tf.model({ inputs: input, outputs: logits });
}

const TAPS = ['input', 'conv', 'leaky', 'norm', 'tanh', 'sum', 'pool', 'flat', 'logits'];

describe('01 feature taps', () => {
  before(() => ready());

  for (const name of TAPS) {
    it(`"${name}": its values, and a loss on it that trains what is before it`, async () => {
      const model = tapped();
      const set = normalSamples(model, 20, 'taps');
      const network = new NativeNetwork(compileNetwork(model, { features: [name] }), { maxBatch: 64 });
      const values = await network.evaluate({ images: set.images, count: 20 });
      const [feature] = network.network.features;
      network.dispose();
      const layer = model.getLayer(name);
      const wanted = tf.tidy(() =>
        (
          tf
            .model({ inputs: model.inputs, outputs: layer.output })
            .predict(tf.tensor(set.images, set.shape)) as never as {
            dataSync(): Float32Array;
          }
        ).dataSync(),
      );
      assert.equal(values[feature].data.length, wanted.length);
      assert.ok(wanted.every((value, k) => Math.abs(value - values[feature].data[k]) < 1e-5));

      const teacher = tapped();
      const run = async (engine: 'native' | 'tfjs') => {
        const student = tapped();
        await distill({
          student,
          teacher,
          train: set,
          loss: qrkdLoss({ ce: 0.5, distance: 1, kd: name === 'logits' ? 1 : 0 }),
          featureLayer: { student: name, teacher: 'conv' },
          optimizer: 'sgd',
          learningRate: 0.5,
          epochs: 2,
          batchSize: 20,
          engine,
        });
        return student.getWeights().flatMap((weight) => [...weight.dataSync()]);
      };
      const [native, tfjs] = [await run('native'), await run('tfjs')];
      for (const [k, value] of native.entries()) assert.ok(Math.abs(value - tfjs[k]) < 1e-4, `${value} and ${tfjs[k]}`);
    });
  }
});

describe('02 the network in the engine', () => {
  before(() => ready());

  it('evaluates any number of samples, in pieces that do not show', async () => {
    // 72 numbers each: two pieces of 16 MiB.
    const images = Float32Array.from({ length: 72 * 60_000 }, (_, k) => (k % 97) / 97 - 0.5);
    const network = new NativeNetwork(compileNetwork(tapped()), { maxBatch: 48 });
    const [logits] = await network.evaluate({ images, count: 60_000 });
    const last = images.subarray(-72);
    const [alone] = await network.evaluate({ images: last, count: 1 });
    network.dispose();
    assert.deepEqual([...logits.data.subarray(-3)], [...alone.data]);
    assert.ok(logits.data.every(Number.isFinite));
  });

  it('an abort ends an evaluation with its reason', async () => {
    const network = new NativeNetwork(compileNetwork(tapped()), { maxBatch: 16, alone: true });
    const controller = new AbortController();
    const pending = network.evaluate({ images: new Float32Array(72 * 20_000), count: 20_000 }, controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(pending, /enough/);
    await network.evaluate({ images: new Float32Array(72), count: 1 });
    network.dispose();
  });

  it('dispose gives memory back, and ends what can be done with it', () => {
    // Many times more than what the garbage of other tests could give or take.
    const images = new Float32Array(2 ** 22).fill(1);
    const before = process.memoryUsage.rss();
    for (let k = 0; k < 40; k++) makeData({ images, count: 1024 }).dispose();
    assert.ok(process.memoryUsage.rss() - before < 20 * images.byteLength);
    const network = new NativeNetwork(compileNetwork(tapped()), { maxBatch: 256 });
    network.dispose();
    network.dispose();
    assert.throws(() => network.readWeights(), /disposed/);
  });
});
