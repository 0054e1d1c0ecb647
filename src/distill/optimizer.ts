import type { Optimizer } from '@tensorflow/tfjs-core';
import { QrkdRangeError } from '../errors.js';
import { tf } from '../tensor/backend.js';

export type OptimizerName = 'adam' | 'sgd' | 'rmsprop';

/** The optimizer given, or one made from its name; `where` names the caller in errors. */
export function makeOptimizer(optimizer: OptimizerName | Optimizer, learningRate: number, where: string): Optimizer {
  if (typeof optimizer !== 'string') return optimizer;
  if (!(learningRate > 0)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: learningRate must be above 0, got ${learningRate}`);
  }
  if (optimizer === 'adam') return tf.train.adam(learningRate);
  if (optimizer === 'sgd') return tf.train.sgd(learningRate);
  if (optimizer === 'rmsprop') return tf.train.rmsprop(learningRate);
  throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: optimizer must be adam, sgd or rmsprop, got ${optimizer}`);
}
