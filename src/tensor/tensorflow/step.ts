import type { Tensor } from '@tensorflow/tfjs-core';
import type { Specialisation } from './index.js';

/**
 * Step, which every ReLU's gradient multiplies by: 1 above 0, else 0, NaN stays NaN. That is sign(relu(x)), two passes; the
 * stock kernel makes six, over arrays of ones and zeros of which one is filled in JavaScript each time.
 */
export const step: Specialisation = (tf, stock) => (params) => {
  const x = params.inputs.x as Tensor;
  const alpha = (params.attrs?.alpha as number | undefined) ?? 0;
  if (x.dtype !== 'float32' || alpha !== 0) return stock(params);
  return tf.tidy(() => tf.sign(tf.relu(x)));
};
