import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import { ready, tf } from '#dist/tensor/backend.js';

before(ready);

/** Small integers, so that windows have ties. */
const integers = (shape: number[], seed: number) => tf.floor(tf.randomUniform(shape, -3, 3, 'float32', seed));

/** The definition: each output's gradient goes to the first maximum of its window. */
function reference(x: Tensor, dy: Tensor, size: number, stride: number): number[] {
  const [batch, height, width, channels] = x.shape;
  const [, rows, columns] = dy.shape;
  const [values, gradients] = [x.dataSync(), dy.dataSync()];
  const result = new Array<number>(values.length).fill(0);
  for (let b = 0; b < batch; b++)
    for (let r = 0; r < rows; r++)
      for (let q = 0; q < columns; q++)
        for (let c = 0; c < channels; c++) {
          let best = -1;
          for (let i = r * stride; i < Math.min(r * stride + size, height); i++)
            for (let j = q * stride; j < Math.min(q * stride + size, width); j++) {
              const at = ((b * height + i) * width + j) * channels + c;
              if (best < 0 || values[at] > values[best]) best = at;
            }
          result[best] += gradients[((b * rows + r) * columns + q) * channels + c];
        }
  return result;
}

describe('gradients of max-pooling and ReLU, on this backend', () => {
  for (const [height, width, channels, size, stride, pad] of [
    [4, 6, 3, 2, 2, 'valid'],
    [28, 28, 2, 2, 2, 'same'],
    [5, 6, 2, 2, 2, 'valid'],
    [5, 7, 1, 2, 2, 'same'],
    [6, 6, 2, 3, 2, 'valid'],
    [6, 6, 2, 2, 1, 'valid'],
  ] as const) {
    it(`max-pooling ${size}x${size} of ${height}x${width}, stride ${stride}, ${pad}`, () => {
      const x = integers([2, height, width, channels], 1);
      const dy = integers(tf.maxPool(x as Tensor4D, size, stride, pad).shape, 2);
      const dx = tf.grad((t) => tf.maxPool(t as Tensor4D, size, stride, pad))(x, dy);
      // Adding 0 makes -0 a 0: a zero's sign is nobody's business.
      assert.deepEqual(
        Array.from(dx.dataSync(), (v) => v + 0),
        reference(x, dy, size, stride),
      );
    });
  }

  it('step keeps NaN, and is 0 at 0', () => {
    const x = tf.tensor1d([Number.NaN, -1, 0, 2, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    assert.deepEqual([...tf.step(x).dataSync()], [Number.NaN, 0, 0, 1, 1, 0]);
    assert.deepEqual([...tf.step(tf.tensor1d([-1, 0, 2]), 0.5).dataSync()], [0.5, 0.5, 1]);
  });

  it('ReLU passes the gradient only above 0', () => {
    const dx = tf.grad((t) => tf.relu(t))(tf.tensor1d([-1, 0, 2]), tf.tensor1d([5, 6, 7]));
    assert.deepEqual([...dx.dataSync()], [0, 0, 7]);
  });

  it('leave no tensors behind', () => {
    const x = integers([2, 4, 4, 1], 1);
    const before = tf.memory().numTensors;
    tf.dispose(tf.grad((t) => tf.relu(tf.maxPool(t as Tensor4D, 2, 2, 'valid')))(x));
    assert.equal(tf.memory().numTensors, before);
  });
});
