import type { LayersModel } from '@tensorflow/tfjs-layers';
import { QrkdRangeError, rejectUnknownKeys } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { chain, checkSides, type Frame, frame, head, NETWORK_KEYS, type NetworkOptions, oneOf } from './building.js';
import { adaptiveAveragePooling2d } from './layers/adaptiveAveragePooling2d.js';

export interface TeacherOptions extends NetworkOptions {
  /** `reproduction` (default): the pair of the public reproduction; `authors`: the network of the authors' earlier work. */
  readonly variant?: 'reproduction' | 'authors';
}

export interface StudentOptions extends NetworkOptions {
  /** Number of features (width of the layer `features`), an integer of at least 1, default 4 as the paper has it. */
  readonly width?: number;
  /** `linear` (default): no ReLU on the 4 features, which dies too easily there; `relu`: as the public reproduction has it. */
  readonly embedding?: 'linear' | 'relu';
}

const MNIST_SHAPE = [28, 28, 1] as const;

/**
 * The MNIST teacher of Quantum Relational Knowledge Distillation (arXiv 2508.13054) with 6,690 parameters. Input
 * `[n, 28, 28, 1]` in 0..1, output logits `[n, 10]`; other images and classes by `inputShape` and `classes` (with
 * `[32, 32, 3]` the reproduction's CIFAR-10 teacher, 6,708 parameters).
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
  const where = 'paperTeacher';
  rejectUnknownKeys(options, ['variant', ...NETWORK_KEYS], where);
  const variant = oneOf(`${where}: variant`, options.variant ?? 'reproduction', ['reproduction', 'authors'] as const);
  const start = frame(where, options, MNIST_SHAPE);
  if (variant === 'reproduction') {
    checkSides(where, start, 8);
    return reproduction('teacher', start, { channels: [1, 18], features: 31, embedding: 'relu' });
  }
  checkSides(where, start, 16);
  return authorsTeacher(start);
}

/**
 * The MNIST student with 1,725 parameters: the teacher's topology with channels 1->19->4 and 4 features; with
 * `width` features instead it has 913 + 203 width. Input `[n, 28, 28, 1]` in 0..1, output logits `[n, 10]`, or as
 * `inputShape` and `classes` say (`[32, 32, 3]`: 2,067 parameters); initialised as {@link paperTeacher}.
 * @throws {QrkdTypeError | QrkdRangeError} for unknown options or values.
 */
export function paperStudent(options: StudentOptions = {}): LayersModel {
  const where = 'paperStudent';
  rejectUnknownKeys(options, ['width', 'embedding', ...NETWORK_KEYS], where);
  const embedding = oneOf(`${where}: embedding`, options.embedding ?? 'linear', ['linear', 'relu'] as const);
  const features = options.width ?? 4;
  if (!Number.isInteger(features) || features < 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: width is ${features}; expected an integer of at least 1 (the number of features)`,
    );
  }
  const start = frame(where, options, MNIST_SHAPE);
  checkSides(where, start, 8);
  return reproduction('student', start, { channels: [19, 4], features, embedding });
}

interface Widths {
  channels: [number, number];
  features: number;
  embedding: 'linear' | 'relu';
}

// The ReLU of the second convolution stands behind the max-pool: the two commute, and there it sees a quarter of the
// pixels, forward and backward.
function reproduction(name: string, start: Frame, { channels, features, embedding }: Widths): LayersModel {
  const conv = (filters: number, kernelSize: number, label: string, activation?: 'relu') =>
    tf.layers.conv2d({
      filters,
      kernelSize,
      padding: 'same',
      useBias: false,
      activation,
      kernelInitializer: start.weights(),
      name: label,
    });
  return chain(name, start, [
    conv(channels[0], 3, 'conv1', 'relu'),
    conv(channels[1], 3, 'conv2'),
    tf.layers.maxPooling2d({ poolSize: 2, name: 'pool' }),
    tf.layers.reLU({ name: 'relu2' }),
    adaptiveAveragePooling2d({ outputSize: 4, name: 'downsample' }),
    conv(12, 1, 'conv3', 'relu'),
    tf.layers.flatten({ name: 'flatten' }),
    ...head(start, features, embedding),
  ]);
}

function authorsTeacher(start: Frame): LayersModel {
  const conv = (filters: number, label: string) =>
    tf.layers.conv2d({ filters, kernelSize: 5, kernelInitializer: start.weights(), name: label });
  return chain('teacher', start, [
    conv(8, 'conv1'),
    tf.layers.maxPooling2d({ poolSize: 2, name: 'pool1' }),
    tf.layers.reLU({ name: 'relu1' }),
    conv(12, 'conv2'),
    tf.layers.maxPooling2d({ poolSize: 2, name: 'pool2' }),
    tf.layers.reLU({ name: 'relu2' }),
    tf.layers.flatten({ name: 'flatten' }),
    ...head(start, 20, 'relu'),
  ]);
}
