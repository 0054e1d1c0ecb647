import type { layers } from '@tensorflow/tfjs-layers';
import { FidelityKernel, featureMap } from 'qrkd';
import { type DistillOptions, qrkdLoss, type SampleSet, tf } from 'qrkd/distill';
import seedrandom from 'seedrandom';

/** Three clouds of points in the plane: easily told apart, but not by the first step. */
export function clouds(n: number, seed = 'clouds'): SampleSet {
  const random = seedrandom(seed);
  const labels = Int32Array.from({ length: n }, (_, i) => i % 3);
  const images = new Float32Array(2 * n);
  labels.forEach((label, i) => {
    images[2 * i] = Math.cos(2 * label) + random() - 0.5;
    images[2 * i + 1] = Math.sin(2 * label) + random() - 0.5;
  });
  return { images, labels, shape: [n, 2] };
}

/** Two dense layers, and a third for the logits; `width` features. `before`: layers in front, of input shape [2]. */
export function denseNetwork(width: number, seed: number, before: layers.Layer[] = []) {
  const kernel = (offset: number) => tf.initializers.glorotUniform({ seed: seed + offset });
  return tf.sequential({
    layers: [
      ...before,
      tf.layers.dense({
        ...(before.length === 0 && { inputShape: [2] }),
        units: 16,
        activation: 'relu',
        kernelInitializer: kernel(1),
      }),
      tf.layers.dense({ units: width, name: 'features', kernelInitializer: kernel(2) }),
      tf.layers.dense({ units: 3, kernelInitializer: kernel(3) }),
    ],
  });
}

/** Layers that do nothing to two numbers, one of which the native engine does not have. */
export const turn = () => [
  tf.layers.reshape({ targetShape: [1, 2], inputShape: [2] }),
  tf.layers.permute({ dims: [2, 1], name: 'turn' }),
  tf.layers.flatten(),
];

/** The same with everything that has a state beside the weights that are trained: moving averages, dropout. */
export function normalizedNetwork(width: number, seed: number, rate = 0.2) {
  const kernel = (offset: number) => tf.initializers.glorotUniform({ seed: seed + offset });
  return tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [2], units: 16, kernelInitializer: kernel(1) }),
      tf.layers.batchNormalization({ momentum: 0.8 }),
      tf.layers.leakyReLU({ alpha: 0.1 }),
      tf.layers.dropout({ rate }),
      tf.layers.dense({ units: width, name: 'features', kernelInitializer: kernel(2) }),
      tf.layers.dense({ units: 3, kernelInitializer: kernel(3) }),
    ],
  });
}

export const zz = (features: number) =>
  new FidelityKernel(featureMap({ type: 'zz', features, reps: 1, bandwidth: 0.1 }), { precision: 'float32' });

/** All five terms. */
export const fullLoss = () =>
  qrkdLoss({ ce: 1, kd: 1, distance: 1, angle: 2, quantum: 30, kernels: { student: zz(3), teacher: zz(4) } });

export function cloudOptions(change: Partial<DistillOptions> = {}): DistillOptions {
  return {
    teacher: denseNetwork(6, 1),
    student: denseNetwork(3, 2),
    train: clouds(200),
    test: clouds(60, 'test'),
    validation: clouds(30, 'validation'),
    loss: fullLoss(),
    epochs: 3,
    batchSize: 16,
    learningRate: 1e-2,
    seed: 1,
    ...change,
  };
}

export const weightsOf = (model: { getWeights(): { dataSync(): ArrayLike<number> }[] }) =>
  model.getWeights().map((weight) => Array.from(weight.dataSync()));
