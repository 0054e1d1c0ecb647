import type { LayersModel, layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { tf } from 'qrkd/distill';

/**
 * The CIFAR-10 CNN of 285,226 parameters: two 5x5 convolutions (16, 32 filters) with ReLU and 2x2 max-pools, then dense
 * layers of 128, 64 and 10. Input [n, 32, 32, 3], output logits [n, 10].
 */
export function cifarCnn(seed = 0): LayersModel {
  const initial = seeded(seed);
  const conv = (filters: number, name: string) =>
    tf.layers.conv2d({
      filters,
      kernelSize: 5,
      padding: 'same',
      activation: 'relu',
      kernelInitializer: initial(),
      name,
    });
  const dense = (units: number, name: string) =>
    tf.layers.dense({ units, activation: 'relu', kernelInitializer: initial(), name });
  const input = tf.input({ shape: [32, 32, 3], name: 'image' });
  const output = [
    conv(16, 'conv1'),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    conv(32, 'conv2'),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.flatten(),
    dense(128, 'dense1'),
    dense(64, 'features'),
    tf.layers.dense({ units: 10, kernelInitializer: initial(), name: 'logits' }),
  ].reduce((x, layer) => layer.apply(x) as SymbolicTensor, input);
  return tf.model({ inputs: input, outputs: output, name: 'cifar' });
}

/**
 * ResNet-8 as MLPerf Tiny has it (Banbury et al. 2021, arXiv 2106.07597): a 3x3 convolution to 16 channels, three
 * residual stacks of two 3x3 convolutions (16, 32, 64 channels, strides 1, 2, 2) with batch normalisation, global average
 * pooling, dense to 10. Input [n, 32, 32, 3], output logits [n, 10]; 78,186 trained parameters.
 */
export function resNet8(seed = 0): LayersModel {
  const initial = seeded(seed);
  const apply = (layer: layers.Layer, x: SymbolicTensor) => layer.apply(x) as SymbolicTensor;
  const conv = (x: SymbolicTensor, filters: number, kernelSize: number, strides: number, name: string) =>
    apply(tf.layers.conv2d({ filters, kernelSize, strides, padding: 'same', kernelInitializer: initial(), name }), x);
  const norm = (x: SymbolicTensor, name: string) => apply(tf.layers.batchNormalization({ name }), x);
  const relu = (x: SymbolicTensor) => apply(tf.layers.reLU(), x);

  const input = tf.input({ shape: [32, 32, 3], name: 'image' });
  let x = relu(norm(conv(input, 16, 3, 1, 'conv1'), 'norm1'));
  for (const [stack, filters, strides] of [
    ['stack1', 16, 1],
    ['stack2', 32, 2],
    ['stack3', 64, 2],
  ] as const) {
    const y = relu(norm(conv(x, filters, 3, strides, `${stack}_conv1`), `${stack}_norm1`));
    const z = norm(conv(y, filters, 3, 1, `${stack}_conv2`), `${stack}_norm2`);
    const shortcut = strides === 1 ? x : conv(x, filters, 1, strides, `${stack}_shortcut`);
    x = relu(tf.layers.add().apply([z, shortcut]) as SymbolicTensor);
  }
  const features = apply(tf.layers.globalAveragePooling2d({ name: 'features' }), x);
  const logits = tf.layers.dense({ units: 10, kernelInitializer: initial(), name: 'logits' });
  return tf.model({ inputs: input, outputs: logits.apply(features) as SymbolicTensor, name: 'resnet8' });
}

/** He-uniform initialisers, one a layer, each with a seed of its own. */
function seeded(seed: number) {
  let layer = 0;
  return () => tf.initializers.heUniform({ seed: seed * 16 + layer++ });
}
