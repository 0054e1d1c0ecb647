import type { Tensor } from '@tensorflow/tfjs-core';
import type { Kernel } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';

/** The values of a tensor of a kernel's trainable parameters; `argument` names it in the error. */
export function parametersOf(kernel: Kernel, tensor: Tensor, argument: string): Float64Array {
  const wanted = kernel.parameters?.length ?? 0;
  if (wanted === 0) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${argument}: the kernel has no trainable parameters`);
  }
  if (tensor.shape.length !== 1 || tensor.shape[0] !== wanted) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${argument} has shape [${tensor.shape.join(', ')}], expected the kernel's [${wanted}]`,
    );
  }
  return Float64Array.from(tensor.dataSync());
}

/** Runs `body` with the kernel's parameters set to `values`, and puts back what was there. */
export function withParameters<R>(kernel: Kernel, values: Float64Array | undefined, body: () => R): R {
  if (values === undefined || kernel.parameters === undefined) return body();
  const kept = kernel.parameters.slice();
  kernel.parameters.set(values);
  try {
    return body();
  } finally {
    kernel.parameters.set(kept);
  }
}
