import type { NativeSpec } from '../engine/native.js';
import { describe, QrkdRangeError, rejectUnknownKeys } from '../errors.js';
import { type Footprint, type KernelOptions, NativeBackedKernel } from './NativeBackedKernel.js';

/** The Gaussian kernel exp(-gamma |x - y|^2): a classical control in the place of a quantum kernel. */
export class RbfKernel extends NativeBackedKernel {
  readonly gamma: number;

  /** @param options gamma > 0, in inverse squared units of the features. */
  constructor(options: KernelOptions & { gamma: number }) {
    rejectUnknownKeys(options, ['gamma', 'precision'], 'RbfKernel');
    if (!(typeof options.gamma === 'number' && options.gamma > 0 && Number.isFinite(options.gamma))) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `RbfKernel: gamma must be a positive number, got ${describe(options.gamma)}`,
      );
    }
    super('RbfKernel', options);
    this.gamma = options.gamma;
  }

  /** `{ kernel: 'rbf', gamma, precision }`, plain JSON. */
  toJSON(): Record<string, unknown> {
    return { kernel: 'rbf', gamma: this.gamma, precision: this.precision };
  }

  protected get width(): undefined {
    return undefined;
  }
  protected nativeSpec(features: number): NativeSpec {
    return { kind: 'rbf', features, gamma: this.gamma };
  }
  protected footprint(): Footprint {
    return { sample: 0, forward: 0, backward: 0 };
  }
}
