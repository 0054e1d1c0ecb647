import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { Kernel } from '../engine/types.js';
import { describe, QrkdTypeError } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { parametersOf, withParameters } from './parameters.js';
import { gradientTensor, matrixOf } from './tensors.js';

/**
 * A kernel's matrix as a differentiable tfjs op: K_ij = k(x_i, y_j), for a FidelityKernel |<psi(y_j)|psi(x_i)>|^2.
 *
 * Values and gradients come from the kernel's own precision and are handed to tfjs as float32. Second derivatives are not
 * defined.
 *
 * @param kernel FidelityKernel, ProjectedKernel or a classical one.
 * @param x [N, f]; gradients flow here.
 * @param y [M, f], or left out for the symmetric matrix of x; gradients flow here too.
 * @param parameters [P], a variable as a rule, in place of `kernel.parameters`, which are left as they are; gradients flow
 *   here too. Left out: `kernel.parameters` as they are now, without a gradient.
 * @returns [N, M], or [N, N] without y.
 * @throws TypeError or RangeError (ERR_QRKD_SHAPE, ERR_QRKD_NOT_FINITE, ERR_QRKD_VALUE) naming the argument.
 */
export function fidelityMatrix(kernel: Kernel, x: Tensor2D, y?: Tensor2D, parameters?: Tensor1D): Tensor2D {
  if (typeof kernel?.matrix !== 'function') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `fidelityMatrix: kernel must be a kernel, got ${describe(kernel)}`);
  }
  for (const [name, tensor] of Object.entries({ x, y, parameters })) {
    if (name !== 'x' && tensor === undefined) continue;
    if (!(tensor instanceof tf.Tensor)) {
      const rank = name === 'parameters' ? 1 : 2;
      throw new QrkdTypeError(
        'ERR_QRKD_TYPE',
        `fidelityMatrix: ${name} must be a ${rank}-D tensor, got ${describe(tensor)}`,
      );
    }
  }
  const inputs: Tensor[] = [x, y, parameters].filter((tensor) => tensor !== undefined);
  const op = tf.customGrad((...args) => {
    const X = matrixOf(args[0] as Tensor, 'fidelityMatrix: x');
    const Y = y && matrixOf(args[1] as Tensor, 'fidelityMatrix: y');
    // A copy either way: the backward pass is of the values that this forward pass saw.
    const values = parameters
      ? parametersOf(kernel, args[inputs.length - 1] as Tensor, 'fidelityMatrix: parameters')
      : kernel.parameters?.slice();
    return {
      value: gradientTensor(withParameters(kernel, values, () => kernel.matrix(X, Y))),
      // Recomputed rather than kept: tfjs does not tell an op whether its gradient will ever be asked for, and a kept
      // forward pass would hold all states until the garbage collector finds it.
      gradFunc: (dy: Tensor) => {
        const dK = matrixOf(dy, 'fidelityMatrix: gradient');
        const gradient = withParameters(kernel, values, () => kernel.gradient(X, dK, Y));
        const all: Tensor[] = [gradientTensor(gradient.dx)];
        if (Y) all.push(gradientTensor(gradient.dy!));
        if (parameters) all.push(tf.tensor1d(Float32Array.from(gradient.dparameters)));
        return all.length === 1 ? all[0] : all;
      },
    };
  });
  return op(...inputs) as Tensor2D;
}
