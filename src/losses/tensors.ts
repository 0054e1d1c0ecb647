import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { LossGradient, Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError } from '../errors.js';
import { tf } from '../tensor/backend.js';

/** The values of a 2-D tensor as a matrix; `argument` names it in the error. */
export function matrixOf(tensor: Tensor, argument: string): Matrix<Float32Array> {
  if (!(tensor instanceof tf.Tensor)) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${argument} must be a 2-D tensor, got ${tensor === null ? 'null' : typeof tensor}`,
    );
  }
  if (tensor.shape.length !== 2) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${argument} must be a 2-D tensor, got shape [${tensor.shape.join(', ')}]`,
    );
  }
  return { data: Float32Array.from(tensor.dataSync()), shape: [tensor.shape[0], tensor.shape[1]] };
}

/** Checks that the student's and the teacher's matrices have one row for each sample of the same batch. */
export function checkSameRows(student: Matrix, teacher: Matrix, what: string): void {
  if (student.shape[0] !== teacher.shape[0]) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${what}: the teacher's rows must match the student's ${student.shape[0]}, got ${teacher.shape[0]}`,
    );
  }
}

/** The same numbers [n, parts * w] as [n * parts, w]. */
export function splitRows({ data, shape: [n, width] }: Matrix, parts: number): Matrix {
  return { data, shape: [n * parts, width / parts] };
}

/** A float32 tensor of a gradient computed outside tfjs. */
export function gradientTensor(gradient: Matrix): Tensor2D {
  const { data, shape } = gradient;
  return tf.tensor2d(data instanceof Float32Array ? data : Float32Array.from(data), shape);
}

/**
 * A tf.Scalar whose gradient with respect to `student` was computed together with its value outside tfjs. The teacher's
 * side is read as data, so no gradient can flow into it. Second derivatives are not defined.
 */
export function scalarLoss(student: Tensor2D, argument: string, evaluate: (student: Matrix) => LossGradient): Scalar {
  const op = tf.customGrad((x, save) => {
    const { loss, gradient } = evaluate(matrixOf(x as Tensor, argument));
    (save as (tensors: Tensor[]) => void)([gradientTensor(gradient)]);
    return { value: tf.scalar(loss), gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(saved[0], dy) };
  });
  return op(student) as Scalar;
}
