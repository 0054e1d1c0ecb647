import type { NativeSpec } from '../engine/native.js';
import { rejectUnknownKeys } from '../errors.js';
import { type Footprint, type KernelOptions, NativeBackedKernel } from './NativeBackedKernel.js';

/** The inner product x . y: the kernel of linear models, a classical control. */
export class LinearKernel extends NativeBackedKernel {
  constructor(options: KernelOptions = {}) {
    rejectUnknownKeys(options, ['precision'], 'LinearKernel');
    super('LinearKernel', options);
  }

  /** `{ kernel: 'linear', precision }`, plain JSON. */
  toJSON(): Record<string, unknown> {
    return { kernel: 'linear', precision: this.precision };
  }

  protected get width(): undefined {
    return undefined;
  }
  protected nativeSpec(features: number): NativeSpec {
    return { kind: 'linear', features };
  }
  protected footprint(): Footprint {
    return { sample: 0, forward: 0, backward: 0 };
  }
}
