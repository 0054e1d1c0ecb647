import type { NativeSpec } from '../engine/native.js';
import { rejectUnknownKeys } from '../errors.js';
import { type Footprint, type KernelOptions, NativeBackedKernel } from './NativeBackedKernel.js';

/**
 * The squared cosine (x . y / (|x| |y|))^2: a classical control, the amplitude map's kernel for any number of features.
 * A vector of zeros has similarity 0 with everything, itself included.
 */
export class CosineKernel extends NativeBackedKernel {
  constructor(options: KernelOptions = {}) {
    rejectUnknownKeys(options, ['precision'], 'CosineKernel');
    super('CosineKernel', options);
  }

  /** `{ kernel: 'cosine', precision }`, plain JSON. */
  toJSON(): Record<string, unknown> {
    return { kernel: 'cosine', precision: this.precision };
  }

  protected get width(): undefined {
    return undefined;
  }
  protected nativeSpec(features: number): NativeSpec {
    return { kind: 'vector', features, zeroVectors: true };
  }
  protected footprint(features: number): Footprint {
    return { sample: features, forward: 0, backward: features };
  }
}
