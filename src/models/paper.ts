import type { LayersModel, layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys, suggest } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { adaptiveAveragePooling2d } from './layers/adaptiveAveragePooling2d.js';

/** Name of the layer whose output is the feature vector that relations are taken from. */
export const FEATURE_LAYER = 'features';

export interface TeacherOptions {
  /** `reproduction` (default): the pair of the public reproduction; `authors`: the network of the authors' earlier work. */
  readonly variant?: 'reproduction' | 'authors';
  /** Seed of the weights, an integer from 0 to 2^32 - 1, default 0. */
  readonly seed?: number;
}

export interface StudentOptions {
  /** Number of features (width of the layer `features`), an integer of at least 1, default 4 as the paper has it. */
  readonly width?: number;
  /** `linear` (default): no ReLU on the 4 features, which dies too easily there; `relu`: as the public reproduction has it. */
  readonly embedding?: 'linear' | 'relu';
  /** Seed of the weights, an integer from 0 to 2^32 - 1, default 0. */
  readonly seed?: number;
}

/**
 * The MNIST teacher of Quantum Relational Knowledge Distillation (arXiv 2508.13054) with 6,690 parameters. Input
 * `[n, 28, 28, 1]` in 0..1, output logits `[n, 10]`.
 *
 * `reproduction`: bias-free 3x3 convolutions 1->1->18, 2x2 max-pool, adaptive average pooling to 4x4, bias-free 1x1
 * convolution to 12, dense to 31 features (after ReLU), dense to 10.
 * `authors`: 5x5 convolutions 1->8 and 8->12, each with 2x2 max-pool, dense to 20 features (after ReLU), dense to 10.
 *
 * Weights are He-uniform, U(-sqrt(6 / fanIn), sqrt(6 / fanIn)), biases 0: the public reproduction's choice, and the
 * one for stacks of ReLUs. The same seed gives the same weights on every backend.
 * @throws {QrkdTypeError | QrkdRangeError} for unknown options or values.
 */
export function paperTeacher(options: TeacherOptions = {}): LayersModel {
  rejectUnknownKeys(options, ['variant', 'seed'], 'paperTeacher');
  const variant = oneOf('paperTeacher: variant', options.variant ?? 'reproduction', [
    'reproduction',
    'authors',
  ] as const);
  const weights = initializer('paperTeacher', options.seed);
  if (variant === 'authors') return authorsTeacher(weights);
  return reproduction('teacher', { channels: [1, 18], features: 31, embedding: 'relu' }, weights);
}

/**
 * The MNIST student with 1,725 parameters: the teacher's topology with channels 1->19->4 and 4 features; with
 * `width` features instead it has 913 + 203 width. Input `[n, 28, 28, 1]` in 0..1, output logits `[n, 10]`; initialised as
 * {@link paperTeacher}.
 * @throws {QrkdTypeError | QrkdRangeError} for unknown options or values.
 */
export function paperStudent(options: StudentOptions = {}): LayersModel {
  rejectUnknownKeys(options, ['width', 'embedding', 'seed'], 'paperStudent');
  const embedding = oneOf('paperStudent: embedding', options.embedding ?? 'linear', ['linear', 'relu'] as const);
  const features = options.width ?? 4;
  if (!Number.isInteger(features) || features < 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `paperStudent: width is ${features}; expected an integer of at least 1 (the number of features)`,
    );
  }
  const weights = initializer('paperStudent', options.seed);
  return reproduction('student', { channels: [19, 4], features, embedding }, weights);
}

interface Widths {
  channels: [number, number];
  features: number;
  embedding: 'linear' | 'relu';
}

/** A fresh initialiser for the next layer, seeded from the model's seed and the layer's position. */
type NextInitializer = () => ReturnType<typeof tf.initializers.heUniform>;

// The ReLU of the second convolution stands behind the max-pool: the two commute, and there it sees a quarter of the
// pixels, forward and backward.
function reproduction(name: string, { channels, features, embedding }: Widths, weights: NextInitializer): LayersModel {
  const conv = (filters: number, kernelSize: number, label: string, activation?: 'relu') =>
    tf.layers.conv2d({
      filters,
      kernelSize,
      padding: 'same',
      useBias: false,
      activation,
      kernelInitializer: weights(),
      name: label,
    });
  return chain(name, [
    conv(channels[0], 3, 'conv1', 'relu'),
    conv(channels[1], 3, 'conv2'),
    tf.layers.maxPooling2d({ poolSize: 2, name: 'pool' }),
    tf.layers.reLU({ name: 'relu2' }),
    adaptiveAveragePooling2d({ outputSize: 4, name: 'downsample' }),
    conv(12, 1, 'conv3', 'relu'),
    tf.layers.flatten({ name: 'flatten' }),
    ...head(features, embedding, weights),
  ]);
}

function authorsTeacher(weights: NextInitializer): LayersModel {
  const conv = (filters: number, label: string) =>
    tf.layers.conv2d({ filters, kernelSize: 5, kernelInitializer: weights(), name: label });
  return chain('teacher', [
    conv(8, 'conv1'),
    tf.layers.maxPooling2d({ poolSize: 2, name: 'pool1' }),
    tf.layers.reLU({ name: 'relu1' }),
    conv(12, 'conv2'),
    tf.layers.maxPooling2d({ poolSize: 2, name: 'pool2' }),
    tf.layers.reLU({ name: 'relu2' }),
    tf.layers.flatten({ name: 'flatten' }),
    ...head(20, 'relu', weights),
  ]);
}

function head(features: number, embedding: 'linear' | 'relu', weights: NextInitializer) {
  return [
    tf.layers.dense({ units: features, activation: embedding, kernelInitializer: weights(), name: FEATURE_LAYER }),
    tf.layers.dense({ units: 10, kernelInitializer: weights(), name: 'logits' }),
  ];
}

function chain(name: string, stack: layers.Layer[]): LayersModel {
  const input = tf.input({ shape: [28, 28, 1], name: 'image' });
  const output = stack.reduce((x, layer) => layer.apply(x) as SymbolicTensor, input);
  return tf.model({ inputs: input, outputs: output, name });
}

function initializer(where: string, seed = 0): NextInitializer {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: seed is ${seed}; expected an integer from 0 to ${0xffffffff}`,
    );
  }
  let layer = 0;
  // tfjs hashes the seed's decimal form, so neighbouring seeds give unrelated weights; a model has fewer than 16 layers
  // with weights, so no two layers of two models share one.
  return () => tf.initializers.heUniform({ seed: seed * 16 + layer++ });
}

function oneOf<T extends string>(where: string, value: T, known: readonly T[]): T {
  if (known.includes(value)) return value;
  throw new QrkdTypeError('ERR_QRKD_VALUE', `${where} is "${value}"${suggest(String(value), known)}`);
}
