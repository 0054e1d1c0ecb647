import type { Matrix } from '../engine/types.js';

/** Value of a loss and its gradient with respect to the student's side, in the student's shape. */
export interface LossGradient {
  loss: number;
  gradient: Matrix;
}
