import { createRequire } from 'node:module';
import path from 'node:path';
import type { KernelConfig } from '@tensorflow/tfjs-core';
import { backendInfo, tf } from 'qrkd/distill';

/** tfjs-node's own kernels of those that qrkd replaces; none where another backend runs. */
function stockKernels(): KernelConfig[] {
  if (backendInfo().backend !== 'tensorflow') return [];
  const require = createRequire(import.meta.url);
  const folder = path.join(path.dirname(require.resolve('@tensorflow/tfjs-node')), 'kernels');
  return [require(path.join(folder, 'Step')).stepConfig, require(path.join(folder, 'MaxPoolGrad')).maxPoolGradConfig];
}

function register(configs: readonly KernelConfig[]): void {
  for (const config of configs) {
    tf.unregisterKernel(config.kernelName, config.backendName);
    tf.registerKernel(config);
  }
}

/** Runs synchronous work with tfjs-node as it is without qrkd: the yardstick of steps through tfjs. */
export function withStockKernels<T>(work: () => T): T {
  const stock = stockKernels();
  const ours = stock.map(({ kernelName, backendName }) => tf.getKernel(kernelName, backendName)!);
  register(stock);
  try {
    return work();
  } finally {
    register(ours);
  }
}
