import type { LayersModel } from '@tensorflow/tfjs-layers';
import { rejectUnknownKeys } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { chain, checkSides, frame, head, NETWORK_KEYS, type NetworkOptions } from './building.js';

/**
 * The CIFAR-10 teacher of the paper's authors' earlier work, 285,226 parameters: 5x5 convolutions 3->16 and 16->32 that keep
 * the size, each with ReLU and 2x2 max-pool, dense 2048->128->64 (each with ReLU; the 64 are the features), dense to 10.
 * Input `[n, 32, 32, 3]` in 0..1, output logits `[n, 10]`, or as `inputShape` and `classes` say; initialised as
 * {@link paperTeacher}.
 * @throws {QrkdTypeError | QrkdRangeError} for unknown options or values.
 */
export function cifarTeacher(options: NetworkOptions = {}): LayersModel {
  rejectUnknownKeys(options, NETWORK_KEYS, 'cifarTeacher');
  const start = frame('cifarTeacher', options, [32, 32, 3]);
  checkSides('cifarTeacher', start, 4);
  const conv = (filters: number, label: string) =>
    tf.layers.conv2d({
      filters,
      kernelSize: 5,
      padding: 'same',
      kernelInitializer: start.weights(),
      name: label,
    });
  // ReLU behind the max-pool: the two commute.
  return chain('teacher', start, [
    conv(16, 'conv1'),
    tf.layers.maxPooling2d({ poolSize: 2, name: 'pool1' }),
    tf.layers.reLU({ name: 'relu1' }),
    conv(32, 'conv2'),
    tf.layers.maxPooling2d({ poolSize: 2, name: 'pool2' }),
    tf.layers.reLU({ name: 'relu2' }),
    tf.layers.flatten({ name: 'flatten' }),
    tf.layers.dense({ units: 128, activation: 'relu', kernelInitializer: start.weights(), name: 'dense1' }),
    ...head(start, 64, 'relu'),
  ]);
}
