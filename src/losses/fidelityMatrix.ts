import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Kernel, Matrix } from '../engine/types.js';
import { describe, QrkdTypeError } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { gradientTensor, matrixOf } from './tensors.js';

/**
 * A kernel's matrix as a differentiable tfjs op: K_ij = k(x_i, y_j), for a FidelityKernel |<psi(y_j)|psi(x_i)>|^2.
 *
 * Values and gradients come from the kernel's own precision and are handed to tfjs as float32. Second derivatives are not
 * defined.
 *
 * @param kernel FidelityKernel, RbfKernel or CosineKernel.
 * @param x [N, f]; gradients flow here.
 * @param y [M, f], or left out for the symmetric matrix of x; gradients flow here too.
 * @returns [N, M], or [N, N] without y.
 * @throws TypeError or RangeError (ERR_QRKD_SHAPE, ERR_QRKD_NOT_FINITE) naming the argument.
 */
export function fidelityMatrix(kernel: Kernel, x: Tensor2D, y?: Tensor2D): Tensor2D {
  if (typeof kernel?.matrix !== 'function') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `fidelityMatrix: kernel must be a kernel, got ${describe(kernel)}`);
  }
  for (const [name, tensor] of Object.entries({ x, y })) {
    if (name === 'y' && tensor === undefined) continue;
    if (!(tensor instanceof tf.Tensor)) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `fidelityMatrix: ${name} must be a 2-D tensor, got ${describe(tensor)}`);
    }
  }
  const op = tf.customGrad((...args) => {
    const X = matrixOf(args[0] as Tensor, 'fidelityMatrix: x');
    const Y = y === undefined ? undefined : matrixOf(args[1] as Tensor, 'fidelityMatrix: y');
    return {
      value: gradientTensor(kernel.matrix(X, Y)),
      // Recomputed rather than kept: tfjs does not tell an op whether its gradient will ever be asked for, and a kept
      // forward pass would hold all states until the garbage collector finds it.
      gradFunc: (dy: Tensor) => {
        const { dx, dy: dY } = kernel.gradient(X, matrixOf(dy, 'fidelityMatrix: gradient') as Matrix, Y);
        return y === undefined ? gradientTensor(dx) : [gradientTensor(dx), gradientTensor(dY!)];
      },
    };
  });
  return (y === undefined ? op(x) : op(x, y)) as Tensor2D;
}
