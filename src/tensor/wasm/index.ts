import type { KernelConfig } from '@tensorflow/tfjs-core';
import type { Tf } from '../backend.js';
import { avgPoolGrad } from './avgPoolGrad.js';
import { conv2dBackpropFilter } from './conv2dBackpropFilter.js';
import { depthwiseConv2dBackpropFilter, depthwiseConv2dBackpropInput } from './depthwiseConv2dBackprop.js';
import { einsumConfig } from './einsum.js';
import { toConfig } from './kernel.js';
import { maxPoolGrad } from './maxPoolGrad.js';
import { unsortedSegmentSum } from './unsortedSegmentSum.js';

/** Replaces the kernels that stock tfjs-backend-wasm 4.22 lacks or gets wrong. The backend must be registered already. */
export function registerWasmKernels(tf: Tf): void {
  const util = tf.backend_util;
  const configs: KernelConfig[] = [
    toConfig(avgPoolGrad(util)),
    toConfig(conv2dBackpropFilter(util)),
    toConfig(depthwiseConv2dBackpropFilter(util)),
    toConfig(depthwiseConv2dBackpropInput(util)),
    toConfig(maxPoolGrad(util)),
    toConfig(unsortedSegmentSum()),
    einsumConfig(tf),
  ];
  for (const config of configs) {
    if (tf.getKernel(config.kernelName, 'wasm')) tf.unregisterKernel(config.kernelName, 'wasm');
    tf.registerKernel(config);
  }
}
