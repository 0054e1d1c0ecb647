import type { Kernel } from '../engine/types.js';
import { rejectUnknownKeys } from '../errors.js';
import { CosineKernel, FidelityKernel, featureMap, RbfKernel } from '../index.js';
import { type QrkdLoss, qrkdLoss } from '../losses/qrkd.js';
import type { MethodConfig } from './config.js';

/** Kernels without states: the controls in the quantum term's slot. */
export const CLASSICAL_KERNELS: readonly string[] = ['rbf', 'cosine'];

/** A kernel from plain JSON: `rbf` and `cosine` are the classical ones, everything else is a feature map, in float32. */
export function makeKernel(spec: { type: string }): Kernel {
  const { type, ...options } = spec;
  if (type === 'rbf')
    return new RbfKernel({ ...options, precision: 'float32' } as ConstructorParameters<typeof RbfKernel>[0]);
  if (type === 'cosine') {
    rejectUnknownKeys(options, [], 'kernel of type cosine');
    return new CosineKernel({ precision: 'float32' });
  }
  return new FidelityKernel(featureMap(spec as Parameters<typeof featureMap>[0]), { precision: 'float32' });
}

/** The loss of a configured method; throws what the engine finds wrong with its kernels. */
export function makeLoss({ kernels, ...weights }: MethodConfig): QrkdLoss {
  if (weights.quantum === 0) return qrkdLoss(weights);
  return qrkdLoss({
    ...weights,
    kernels: { student: makeKernel(kernels.student), teacher: makeKernel(kernels.teacher) },
  });
}
