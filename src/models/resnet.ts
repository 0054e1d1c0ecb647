import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { QrkdRangeError, rejectUnknownKeys } from '../errors.js';
import { tf } from '../tensor/backend.js';
import {
  checkSides,
  FEATURE_LAYER,
  frame,
  logits,
  NETWORK_KEYS,
  type NetworkOptions,
  type NextInitializer,
  through,
} from './building.js';

export interface ResnetOptions extends NetworkOptions {
  /** Layers with weights, 6 n + 2 for n blocks in each of the three stages: 8, 14, 20 (default), 32, 44, ... */
  readonly depth?: number;
}

/** More layers with weights than the deepest network of the paper has. */
const MAX_LAYERS = 2048;

/**
 * A residual network in the form that He et al. 2016 (arXiv 1512.03385, section 4.2) give for CIFAR-10: a 3x3 convolution
 * to 16 channels, three stages of n blocks with 16, 32 and 64 channels (two 3x3 convolutions a block, the first of stages 2
 * and 3 with stride 2), global average pooling to the 64 features, dense to the logits. Convolutions have no bias and batch
 * normalisation behind them (epsilon 1e-5, moving averages with momentum 0.9). Input `[n, 32, 32, 3]` in 0..1, output logits
 * `[n, 10]`, or as `inputShape` and `classes` say. Trained are 269,722 parameters at depth 20 and 75,290 at depth 8.
 *
 * Shortcuts have no parameters (the paper's option A): where a stage begins, every second pixel, and zeros for the new
 * channels. Both at once are a 1x1 convolution of stride 2 whose kernel is the identity's first rows and is not trained, which
 * every engine and ONNX runs. Convolutions are He-uniform, as {@link paperTeacher}'s.
 * @throws {QrkdTypeError | QrkdRangeError} for unknown options or values.
 */
export function resnet(options: ResnetOptions = {}): LayersModel {
  rejectUnknownKeys(options, ['depth', ...NETWORK_KEYS], 'resnet');
  const { depth = 20 } = options;
  if (!Number.isInteger(depth) || depth < 8 || depth % 6 !== 2 || depth > MAX_LAYERS) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `resnet: depth is ${depth}; expected 6 n + 2 with n blocks a stage: 8, 14, 20, 32, 44, ...`,
    );
  }
  const start = frame('resnet', options, [32, 32, 3], MAX_LAYERS);
  checkSides('resnet', start, 4);
  const { image, classes, weights } = start;
  const stem = [...convolution(16, 1, 'stem', weights), tf.layers.reLU({ name: 'stem/relu' })].reduce(through, image);
  const shortcuts: { layer: ReturnType<typeof tf.layers.conv2d>; from: number; to: number }[] = [];
  const block = (x: SymbolicTensor, channels: number, stride: number, name: string): SymbolicTensor => {
    const inner = [
      ...convolution(channels, stride, `${name}/1`, weights),
      tf.layers.reLU({ name: `${name}/1/relu` }),
      ...convolution(channels, 1, `${name}/2`, weights),
    ].reduce(through, x);
    let shortcut = x;
    if (stride > 1) {
      const layer = tf.layers.conv2d({
        filters: channels,
        kernelSize: 1,
        strides: stride,
        useBias: false,
        trainable: false,
        name: `${name}/shortcut`,
      });
      shortcut = through(x, layer);
      shortcuts.push({ layer, from: x.shape[3]!, to: channels });
    }
    const sum = tf.layers.add({ name: `${name}/add` }).apply([inner, shortcut]) as SymbolicTensor;
    return through(sum, tf.layers.reLU({ name: `${name}/relu` }));
  };
  let x = stem;
  for (const [stage, channels] of [16, 32, 64].entries()) {
    for (let b = 0; b < (depth - 2) / 6; b++) {
      x = block(x, channels, stage > 0 && b === 0 ? 2 : 1, `stage${stage + 1}/block${b + 1}`);
    }
  }
  const features = through(x, tf.layers.globalAveragePooling2d({ name: FEATURE_LAYER }));
  const model = tf.model({
    inputs: image,
    outputs: through(features, logits(classes, weights)),
    name: `resnet${depth}`,
  });
  tf.tidy(() => {
    for (const { layer, from, to } of shortcuts) layer.setWeights([tf.reshape(tf.eye(from, to), [1, 1, from, to])]);
  });
  return model;
}

/** 3x3, with batch normalisation. With a stride it is padded on all sides, as with PyTorch: windows stand over the pixels that the shortcut takes. */
function convolution(filters: number, strides: number, name: string, weights: NextInitializer) {
  return [
    ...(strides > 1 ? [tf.layers.zeroPadding2d({ padding: 1, name: `${name}/pad` })] : []),
    tf.layers.conv2d({
      filters,
      kernelSize: 3,
      strides,
      padding: strides > 1 ? 'valid' : 'same',
      useBias: false,
      kernelInitializer: weights(),
      name: `${name}/conv`,
    }),
    tf.layers.batchNormalization({ epsilon: 1e-5, momentum: 0.9, name: `${name}/norm` }),
  ];
}
