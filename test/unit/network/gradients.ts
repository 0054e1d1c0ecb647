import assert from 'node:assert/strict';
import type { Tensor2D, Variable } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { tf } from 'qrkd/distill';
import seedrandom from 'seedrandom';
import { compileNetwork } from '#dist/network/compile.js';
import { makeData, NativeNetwork } from '#dist/network/NativeNetwork.js';

export interface Samples {
  images: Float32Array;
  labels: Int32Array;
  shape: number[];
}

/** Standard normal inputs of a model, and labels. */
export function normalSamples(model: LayersModel, n: number, seed: string): Samples {
  const random = seedrandom(seed);
  const shape = [n, ...(model.inputs[0].shape.slice(1) as number[])];
  const size = shape.reduce((product, extent) => product * extent, 1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const classes = model.outputs[0].shape[1]!;
  return {
    images: Float32Array.from({ length: size }, normal),
    labels: Int32Array.from({ length: n }, () => Math.floor(random() * classes)),
    shape,
  };
}

/** Small random values in all weights, so that biases and normalisations count; variances stay positive. */
export function randomizeWeights(model: LayersModel, seed: string): void {
  const random = seedrandom(seed);
  const weights = model.getWeights().map((weight, k) => {
    const positive = /variance/.test(model.weights[k].name);
    return tf.tensor(
      Float32Array.from({ length: weight.size }, () => (positive ? 0.5 + random() : 1.2 * random() - 0.6)),
      weight.shape,
    );
  });
  model.setWeights(weights);
  tf.dispose(weights);
}

type Numbers = Float32Array | Float64Array;

interface Pass {
  logits: Numbers;
  /** By name: gradients of trained weights; of the others their values after the step. */
  tensors: Map<string, Numbers>;
}

const LEARNING_RATE = 1024; // a power of two, so large that the rounding of weights does not show in their change

/** tfjs's own forward pass in inference, then its gradient of the cross-entropy in training. */
function tfjsPass(model: LayersModel, { images, labels, shape }: Samples, differentiable: boolean): Pass {
  const tensors: Pass['tensors'] = new Map();
  let logits!: Numbers;
  tf.tidy(() => {
    const x = tf.tensor(images, shape);
    logits = (model.predict(x) as Tensor2D).dataSync() as Float32Array;
    if (!differentiable) return;
    const onehot = tf.oneHot(tf.tensor1d(labels, 'int32'), model.outputs[0].shape[1]!);
    const variables = model.trainableWeights.map((weight) => weight.read() as Variable);
    const { grads } = tf.variableGrads(
      () => tf.losses.softmaxCrossEntropy(onehot, model.apply(x, { training: true }) as Tensor2D),
      variables,
    );
    const keep = (name: string, values: unknown) => tensors.set(name, (values as Float32Array).slice());
    model.trainableWeights.forEach(({ name }, w) => {
      keep(name, grads[variables[w].name].dataSync());
    });
    for (const weight of model.nonTrainableWeights) keep(weight.name, weight.read().dataSync());
  });
  return { logits, tensors };
}

/** The same from one step of gradient descent in the native engine, which must not touch the model. */
async function nativePass(model: LayersModel, { images, labels, shape }: Samples): Promise<Pass> {
  const compiled = compileNetwork(model);
  const count = shape[0];
  const network = new NativeNetwork(compiled, {
    maxBatch: count,
    terms: [{ kind: 'ce', output: 0, target: -1, weight: 1 }],
    optimizer: { name: 'sgd' },
  });
  const data = makeData({ images, count }, labels);
  try {
    const [logits] = await network.evaluate({ images, count });
    const before = network.readWeights();
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    const learningRates = Float64Array.of(LEARNING_RATE);
    await network.train({ data, order, batchSize: count, learningRates, firstStep: 0 });
    const after = network.readWeights();
    const tensors: Pass['tensors'] = new Map();
    [...new Set([...model.trainableWeights, ...model.nonTrainableWeights])].forEach((weight, w) => {
      const change = Float64Array.from(before[w] as Float32Array, (value, k) => (value - after[w][k]) / LEARNING_RATE);
      tensors.set(weight.name, compiled.trainable[w] ? change : (after[w] as Float32Array));
    });
    return { logits: logits.data, tensors };
  } finally {
    data.dispose();
    network.dispose();
  }
}

const largestOf = (values: Numbers) =>
  (values as Float32Array).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Largest difference of two tensors over the largest component of the first, or over `floor` where that is more. */
function distance(wanted: Numbers, got: Numbers, floor = 0): number {
  assert.equal(got.length, wanted.length);
  const largest = Math.max(floor, largestOf(wanted));
  let difference = 0;
  for (let k = 0; k < wanted.length; k++) {
    difference = Math.max(difference, Math.abs(wanted[k] - got[k]));
    if (!Number.isFinite(got[k])) return Number.POSITIVE_INFINITY;
  }
  return difference === 0 ? 0 : difference / largest;
}

/**
 * Compares forward pass, all gradients and moving averages of the two engines, within 1e-4 of a tensor's largest component.
 *
 * @param differentiable false where tfjs itself has no gradient: only the forward passes are compared then.
 */
export async function comparePasses(
  model: LayersModel,
  samples: Samples,
  label: string,
  differentiable = true,
): Promise<void> {
  // The native pass first: tfjs's updates moving averages in the model.
  const got = await nativePass(model, samples);
  const wanted = tfjsPass(model, samples, differentiable);
  assert.ok(distance(wanted.logits, got.logits) < 1e-4, `${label}: logits ${distance(wanted.logits, got.logits)}`);
  // Some gradients are zero but for rounding (of a bias before a batch normalisation): the whole gradient gives the scale.
  const floor = 5e-3 * Math.max(...[...wanted.tensors.values()].map(largestOf));
  for (const [name, values] of wanted.tensors) {
    const found = distance(values, got.tensors.get(name)!, floor);
    assert.ok(found < 1e-4, `${label}: ${name} differs by ${found}`);
  }
}
