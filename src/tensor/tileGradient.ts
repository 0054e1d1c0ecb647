import type { Tensor, TileAttrs } from '@tensorflow/tfjs-core';
import type { Tf } from './backend.js';

/**
 * Replaces the gradient of tile, which in tfjs 4.22 is a slice and a sum for every copy: tfjs's layer normalisation, which
 * tiles its scale over all positions, would take thousands. Here all copies are summed at once: each axis of dy is opened as
 * [copies, size], and the axes of copies are summed over.
 */
export function registerTileGradient(tf: Tf): void {
  tf.registerGradient({
    kernelName: 'Tile',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => {
      const { reps } = attrs as unknown as TileAttrs;
      return { x: () => sumOfCopies(tf, dy as Tensor, x, reps) };
    },
  });
}

function sumOfCopies(tf: Tf, dy: Tensor, x: Tensor, reps: readonly number[]): Tensor {
  const opened: number[] = [];
  const copies: number[] = [];
  x.shape.forEach((size, axis) => {
    if (reps[axis] > 1) {
      copies.push(opened.length);
      opened.push(reps[axis]);
    }
    if (size > 1) opened.push(size);
  });
  const sums = copies.length === 0 ? dy : tf.sum(tf.reshape(dy, opened), copies);
  return tf.reshape(sums, x.shape);
}
