// Training of kernel parameters: alignment, losses, selection, and what a caller may do wrong.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { FidelityKernel, featureMap, type Kernel, type Matrix, ProjectedKernel, RbfKernel } from 'qrkd';
import { fidelityMatrix, ready, type TrainKernelOptions, tf, trainKernel } from 'qrkd/distill';
import { kernelAlignment, targetAlignment, targetMatrix } from '#dist/analysis/alignment.js';
import { alignmentGradient } from '#dist/losses/alignment.js';
import { assertClose } from '../golden/fixtures.js';
import { type Matrix64, randomMatrices } from '../matrices.js';
import { WeightedGaussian } from '../stubKernel.js';

/** Samples whose class is the sign of their first feature; the other features are louder noise. */
function toySet(samples: number, features = 3): { X: Matrix64; labels: number[] } {
  const X = randomMatrices('toy set')(samples, features);
  for (let i = 0; i < samples; i++) for (let f = 1; f < features; f++) X.data[i * features + f] *= 3;
  return { X, labels: Array.from({ length: samples }, (_, i) => (X.data[i * features] > 0 ? 1 : -1)) };
}

function differences(at: Float64Array, value: (at: Float64Array) => number): Float64Array {
  const h = 1e-5;
  return at.map((v, k) => (value(at.with(k, v + h)) - value(at.with(k, v - h))) / (2 * h));
}

describe('alignment', () => {
  const random = randomMatrices('alignment');

  for (const centered of [false, true]) {
    it(`value as kernelAlignment has it, gradient against finite differences, ${centered ? '' : 'not '}centred`, () => {
      const [K, T] = [random(5, 5), random(5, 5)];
      const { value, gradient } = alignmentGradient(K, T, centered);
      assertClose([value], [kernelAlignment(K, T, { centered })], 1e-14, 'value');
      const expected = differences(K.data, (data) => alignmentGradient({ ...K, data }, T, centered).value);
      assertClose(gradient.data, expected, 1e-9, 'gradient');
    });
  }

  it('with a target without direction is 0, without a gradient', () => {
    const ones = { data: new Float64Array(9).fill(1 / 3), shape: [3, 3] as [number, number] };
    const { value, gradient } = alignmentGradient(random(3, 3), ones, true);
    assert.equal(value, 0);
    assert.ok(gradient.data.every((g) => g === 0));
  });
});

describe('fidelityMatrix with parameters', () => {
  before(() => ready());
  const random = randomMatrices('parameters');
  const tensor = ({ data, shape }: Matrix) => tf.tensor2d(Float32Array.from(data), shape);

  for (const cross of [false, true]) {
    it(`gradients reach all inputs, ${cross ? 'cross' : 'symmetric'}; the kernel is left as it was`, () => {
      const kernel = new WeightedGaussian([9, 9, 9]);
      const [x, y] = [random(4, 3), random(5, 3)];
      const weights = cross ? random(4, 5) : random(4, 4);
      const p = tf.variable(tf.tensor1d([0.5, 1, 0.25]));
      const inputs = cross ? [tensor(x), tensor(y), p] : [tensor(x), p];
      const value = (...[a, ...rest]: ReturnType<typeof tf.tensor>[]) => {
        const [b, q] = cross ? rest : [undefined, ...rest];
        return tf.sum(tf.mul(fidelityMatrix(kernel, a as never, b as never, q as never), tensor(weights)));
      };
      const grads = tf.grads(value as never)(inputs);
      assert.deepEqual(Array.from(kernel.parameters), [9, 9, 9]);
      kernel.parameters.set([0.5, 1, 0.25]);
      const expected = kernel.gradient(x, weights, cross ? y : undefined);
      assertClose(grads[0].dataSync(), expected.dx.data, 1e-5, 'dx');
      if (cross) assertClose(grads[1].dataSync(), expected.dy!.data, 1e-5, 'dy');
      const dp = grads.at(-1)!;
      assert.deepEqual(dp.shape, [3]);
      assertClose(dp.dataSync(), expected.dparameters, 1e-5, 'dparameters');
      const finite = differences(Float64Array.of(0.5, 1, 0.25), (at) => {
        kernel.parameters.set(at);
        return Array.from(kernel.matrix(x, cross ? y : x).data).reduce((sum, k, i) => sum + k * weights.data[i], 0);
      });
      assertClose(expected.dparameters, finite, 1e-8, 'finite differences');
    });
  }

  it('the backward pass is of the parameters that the forward pass saw', () => {
    const kernel = new WeightedGaussian([0.5, 1, 0.25]);
    const x = random(4, 3);
    const ones = { data: new Float64Array(16).fill(1), shape: [4, 4] as [number, number] };
    const expected = kernel.gradient(x, ones).dx.data;
    const dx = tf.grad((a) => {
      const sum = tf.sum(fidelityMatrix(kernel, a as never));
      kernel.parameters.fill(7);
      return sum;
    })(tensor(x));
    assertClose(dx.dataSync(), expected, 1e-5, 'dx');
  });

  it('wrong parameters are named', () => {
    const x = tensor(random(4, 3));
    const kernel = new WeightedGaussian([1, 1, 1]);
    assert.throws(() => fidelityMatrix(kernel, x, undefined, tf.tensor1d([1, 2])), {
      code: 'ERR_QRKD_SHAPE',
      message: /parameters has shape \[2\], expected the kernel's \[3\]/,
    });
    assert.throws(() => fidelityMatrix(new RbfKernel({ gamma: 1 }), x, undefined, tf.tensor1d([1])), {
      code: 'ERR_QRKD_VALUE',
      message: /no trainable parameters/,
    });
    assert.throws(() => fidelityMatrix(kernel, x, undefined, [1, 1, 1] as never), {
      message: /parameters must be a 1-D/,
    });
  });
});

describe('trainKernel', () => {
  const { X, labels } = toySet(40);
  const value = (kernel: Kernel, centered: boolean) => targetAlignment(kernel.matrix(X), labels, { centered });

  for (const objective of ['alignment', 'centered-alignment'] as const) {
    it(`${objective} rises, by the weight of the feature that matters`, async () => {
      const kernel = new WeightedGaussian([0.5, 0.5, 0.5]);
      const start = value(kernel, objective === 'centered-alignment');
      const { history, best, parameters } = await trainKernel(kernel, X, { labels, objective, epochs: 60 });
      assert.equal(history.length, 61);
      assertClose([history[0].value], [start], 1e-12, 'the start is measured');
      assert.ok(best.value > start + 0.2, `${start} -> ${best.value}`);
      assert.equal(best.value, Math.max(...history.map((h) => h.value)));
      assert.deepEqual(kernel.parameters, parameters);
      assertClose([value(kernel, objective === 'centered-alignment')], [best.value], 1e-12, 'the best are kept');
      assert.ok(parameters[0] > parameters[1] && parameters[0] > parameters[2], String(parameters));
      assert.equal(kernel.open, 0, 'passes are disposed of');
    });
  }

  it('a first step of gradient descent is the exact gradient', async () => {
    const kernel = new WeightedGaussian([0.5, 0.25, 0.125]);
    const gradient = differences(kernel.parameters, (at) => value(new WeightedGaussian(Array.from(at)), true));
    const moved = { at: kernel.parameters.slice() };
    const onEpoch = ({ epoch }: { epoch: number }) => {
      if (epoch === 1) moved.at.set(kernel.parameters);
    };
    await trainKernel(kernel, X, { labels, optimizer: 'sgd', learningRate: 0.1, epochs: 1, onEpoch });
    const expected = gradient.map((g, k) => [0.5, 0.25, 0.125][k] + 0.1 * g);
    assertClose(moved.at, expected, 1e-7, 'parameters');
  });

  it('any optimizer of tfjs, in batches; the same seed gives the same result', async () => {
    const train = (optimizer: TrainKernelOptions['optimizer'], seed: number) =>
      trainKernel(new WeightedGaussian([0.5, 0.5, 0.5]), X, { labels, optimizer, batchSize: 16, epochs: 8, seed });
    const values = ({ history }: { history: { value: number }[] }) => history.map((h) => h.value);
    const once = await train(tf.train.momentum(0.1, 0.9), 1);
    assert.ok(once.best.value > once.history[0].value + 0.05);
    assert.deepEqual(values(await train(tf.train.momentum(0.1, 0.9), 1)), values(once));
    assert.notDeepEqual(values(await train(tf.train.momentum(0.1, 0.9), 2)), values(once));
    for (const optimizer of ['adam', 'sgd', 'rmsprop', tf.train.adagrad(0.1), tf.train.adamax(0.1)] as const) {
      const { best, history } = await train(optimizer, 1);
      assert.ok(best.value > history[0].value, String(optimizer));
    }
  });

  it('batches that lack a class, and classes by name', async () => {
    const names = labels.map((label, i) => (i < 3 ? 'rare' : label > 0 ? 'right' : 'left'));
    const kernel = new WeightedGaussian([0.5, 0.5, 0.5]);
    const { best, history } = await trainKernel(kernel, X, {
      labels: names,
      batchSize: 8,
      epochs: 4,
      learningRate: 0.05,
    });
    assertClose([best.value], [targetAlignment(kernel.matrix(X), names, { centered: true })], 1e-12, 'alignment');
    assert.ok(best.value > history[0].value);
  });

  it('a loss of one own is minimised, with the labels of its batch', async () => {
    const seen = new Set<string>();
    const loss: TrainKernelOptions['loss'] = (K, y) => {
      seen.add(`${K.shape} ${y!.shape}`);
      const column = tf.reshape(y!, [-1, 1]);
      return tf.mean(tf.squaredDifference(K, tf.matMul(column, column, false, true))) as never;
    };
    for (const batchSize of [40, 10]) {
      const kernel = new WeightedGaussian([0.5, 0.5, 0.5]);
      const { best, history } = await trainKernel(kernel, X, { labels, loss, batchSize, epochs: 20 });
      assert.ok(best.value < history[0].value, `${history[0].value} -> ${best.value}`);
      assert.equal(best.value, Math.min(...history.map((h) => h.value)));
    }
    assert.deepEqual([...seen], ['40,40 40', '10,10 10']);
  });

  it('starts at random where all parameters are 0, and where it is told to', async () => {
    const start = async (weights: number[], options: TrainKernelOptions) => {
      const kernel = new WeightedGaussian(weights);
      let first: number[] = [];
      const onEpoch = ({ epoch }: { epoch: number }) => {
        if (epoch === 0) first = Array.from(kernel.parameters);
      };
      await trainKernel(kernel, X, { labels, epochs: 1, onEpoch, ...options });
      return first;
    };
    const random = await start([0, 0, 0], { seed: 3 });
    assert.ok(random.every((p) => p > 0 && p < 2 * Math.PI));
    assert.deepEqual(await start([1, 2, 3], { seed: 3, start: 'random' }), random);
    assert.deepEqual(await start([1, 2, 3], {}), [1, 2, 3]);
    assert.deepEqual(await start([0, 0, 0], { start: 'current' }), [0, 0, 0]);
  });

  it('an abort rejects with its reason and keeps the best parameters', async () => {
    const kernel = new WeightedGaussian([0.5, 0.5, 0.5]);
    const control = new AbortController();
    const reason = new Error('enough');
    const seen: number[] = [];
    const onEpoch = ({ epoch, value }: { epoch: number; value: number }) => {
      seen.push(value);
      if (epoch === 5) control.abort(reason);
    };
    const tensors = tf.memory().numTensors;
    await assert.rejects(trainKernel(kernel, X, { labels, onEpoch, signal: control.signal }), (e) => e === reason);
    assert.equal(seen.length, 6);
    assertClose([value(kernel, true)], [Math.max(...seen)], 1e-12, 'the best of them');
    assert.equal(tf.memory().numTensors, tensors);
  });

  it('leaves no tensors behind', async () => {
    const tensors = tf.memory().numTensors;
    const loss: TrainKernelOptions['loss'] = (K) => tf.mean(K) as never;
    await trainKernel(new WeightedGaussian([1, 1, 1]), X, { labels, epochs: 3, batchSize: 20 });
    await trainKernel(new WeightedGaussian([1, 1, 1]), X, { loss, epochs: 3 });
    assert.equal(tf.memory().numTensors, tensors);
  });

  it('refuses what cannot be meant', async () => {
    const kernel = new WeightedGaussian([1, 1, 1]);
    const loss: TrainKernelOptions['loss'] = (K) => tf.mean(K) as never;
    const refused = async (options: object, code: string, message: RegExp, given: unknown = kernel) =>
      assert.rejects(trainKernel(given as Kernel, X, options), { code: `ERR_QRKD_${code}`, message });
    await refused({ labels }, 'TYPE', /kernel must be a kernel, got "zz"/, 'zz');
    await refused({ labels }, 'VALUE', /no trainable parameters/, new RbfKernel({ gamma: 1 }));
    await refused({}, 'VALUE', /an alignment needs labels/);
    await refused({ labels: new Array(40).fill(1) }, 'VALUE', /at least 2 classes, got 1/);
    await refused({ labels: [1, 2] }, 'SHAPE', /labels has 2 entries, X has 40 rows/);
    await refused({ labels, loss, objective: 'alignment' }, 'VALUE', /not both/);
    await refused({ labels, objective: 'accuracy' }, 'VALUE', /objective must be alignment or/);
    await refused({ labels: labels.map(String), loss }, 'TYPE', /labels must be numbers where a loss is given/);
    await refused({ labels, loss: 'mse' }, 'TYPE', /loss must be a function/);
    await refused({ labels, start: 'zeros' }, 'VALUE', /start must be/);
    await refused({ labels, epochs: 0 }, 'VALUE', /epochs/);
    await refused({ labels, batchSize: 41 }, 'VALUE', /batchSize must be a whole number from 1 to the 40 samples/);
    await refused({ labels, optimizer: 'lbfgs' }, 'VALUE', /trainKernel: optimizer must be/);
    await refused({ labels, optimiser: 'adam' }, 'UNKNOWN_KEY', /did you mean "optimizer"/);
    const nan: TrainKernelOptions['loss'] = (K) => tf.mul(tf.mean(K), Number.NaN) as never;
    await refused({ loss: nan }, 'NAN_LOSS', /objective is NaN in epoch 0/);
    assert.equal(kernel.open, 0);
  });
});

describe('trainKernel, quantum kernels', () => {
  const { X, labels } = toySet(32, 3);
  const maps = [
    { type: 'hardwareEfficient', features: 3, layers: 2 },
    { type: 'dataReuploading', features: 3, layers: 2 },
    { type: 'hubregtsen', features: 3, layers: 2 },
  ] as const;
  const kernels = [
    ...maps.map((spec) => ({ name: spec.type, make: () => new FidelityKernel(featureMap(spec)) })),
    { name: 'projected hubregtsen', make: () => new ProjectedKernel(featureMap(maps[2])) },
  ];

  for (const { name, make } of kernels) {
    it(`${name}: the gradient of the alignment is that of finite differences`, () => {
      const kernel = make();
      const start = kernel.map.initialParameters(7);
      const at = (values: Float64Array): number => {
        kernel.parameters.set(values);
        return targetAlignment(kernel.matrix(X), labels, { centered: true });
      };
      const expected = differences(start, at);
      kernel.parameters.set(start);
      const pass = kernel.forward(X);
      const { gradient } = alignmentGradient(pass.matrix, targetMatrix(labels), true);
      assertClose(pass.gradient(gradient).dparameters, expected, 1e-8, 'dparameters');
      assert.ok(Math.max(...expected.map(Math.abs)) > 1e-3, 'a gradient to speak of');
      pass.dispose();
    });

    it(`${name}: alignment rises`, async () => {
      const kernel = make();
      const { history, best } = await trainKernel(kernel, X, { labels, epochs: 60, learningRate: 0.1, seed: 1 });
      assert.ok(best.value > history[0].value + 0.15, `${history[0].value} -> ${best.value}`);
      assertClose([targetAlignment(kernel.matrix(X), labels, { centered: true })], [best.value], 1e-12, 'best');
    });
  }
});
