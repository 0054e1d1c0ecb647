import type { MaxPoolGradAttrs, Tensor } from '@tensorflow/tfjs-core';
import type { Specialisation } from './index.js';

/**
 * The gradient of 2x2 max-pooling with stride 2 on even sizes, to the first maximum of each window in row-major order as in
 * the stock kernel, which walks through windows one number at a time. Here the two columns of each pair, then the two rows,
 * lie side by side after a mere reshape, so that all of it is vector operations: split, compare, concatenate.
 */
export const maxPoolGrad: Specialisation = (tf, stock) => (params) => {
  const { filterSize, strides, pad } = params.attrs as unknown as MaxPoolGradAttrs;
  const [dy, input] = [params.inputs.dy as Tensor, params.inputs.input as Tensor];
  const [batch, height, width, channels] = input.shape;
  const isTwo = (size: number | [number, number]) => [size].flat().every((s) => s === 2);
  const fits = isTwo(filterSize) && isTwo(strides) && typeof pad !== 'object' && pad !== 1;
  if (!fits || height % 2 !== 0 || width % 2 !== 0 || input.dtype !== 'float32') return stock(params);
  return tf.tidy(() => {
    // The first of a pair wins a tie; left before right and above before below is row-major order.
    const backward = (gradient: Tensor, first: Tensor, second: Tensor): Tensor => {
      const toFirst = tf.mul(gradient, tf.cast(tf.greaterEqual(first, second), 'float32'));
      return tf.concat([toFirst, tf.sub(gradient, toFirst)], 2);
    };
    const [left, right] = tf.split(tf.reshape(input, [batch * height, width / 2, 2 * channels]), 2, 2);
    const rows = tf.reshape(tf.maximum(left, right), [batch, height / 2, width * channels]);
    const [above, below] = tf.split(rows, 2, 2);
    const toRows = backward(tf.reshape(dy, above.shape), above, below);
    return tf.reshape(backward(tf.reshape(toRows, left.shape), left, right), input.shape);
  });
};
