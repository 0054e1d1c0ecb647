import type { NativeSpec } from '../engine/native.js';
import { describe, QrkdRangeError, rejectUnknownKeys } from '../errors.js';
import { type Footprint, type KernelOptions, NativeBackedKernel } from './NativeBackedKernel.js';

/** Smoothness of a Matern kernel: it is floor(nu) times differentiable. */
export type MaternSmoothness = 0.5 | 1.5 | 2.5;

const SMOOTHNESS: readonly number[] = [0.5, 1.5, 2.5];

export interface MaternOptions {
  /** 0.5, 1.5 (default) or 2.5. */
  nu?: MaternSmoothness;
  /** Length scale, positive, in units of the distance. */
  length: number;
}

/**
 * Checks the parameters of a Matern kernel and fills in the default.
 *
 * @throws RangeError ERR_QRKD_VALUE naming the parameter.
 */
export function readMatern({ nu = 1.5, length }: MaternOptions, where: string): Required<MaternOptions> {
  if (!SMOOTHNESS.includes(nu)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: nu must be 0.5, 1.5 or 2.5, got ${describe(nu)}`);
  }
  // The engine works with 1 / length^2.
  if (!(typeof length === 'number' && length > 1e-150 && length < 1e150)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: length must be a positive number from 1e-150 to 1e150, got ${describe(length)}`,
    );
  }
  return { nu, length };
}

/**
 * The Matern kernel with s = sqrt(2 nu) |x - y| / length (Rasmussen and Williams 2006, equation 4.17): exp(-s) for nu = 1/2,
 * (1 + s) exp(-s) for 3/2, (1 + s + s^2 / 3) exp(-s) for 5/2. Its gradient at equal samples is 0, also for nu = 1/2, where
 * the kernel has a kink.
 */
export class MaternKernel extends NativeBackedKernel {
  readonly nu: MaternSmoothness;
  readonly length: number;

  constructor(options: KernelOptions & MaternOptions) {
    rejectUnknownKeys(options, ['nu', 'length', 'precision'], 'MaternKernel');
    const { nu, length } = readMatern(options, 'MaternKernel');
    super('MaternKernel', options);
    this.nu = nu;
    this.length = length;
  }

  /** `{ kernel: 'matern', nu, length, precision }`, plain JSON. */
  toJSON(): Record<string, unknown> {
    return { kernel: 'matern', nu: this.nu, length: this.length, precision: this.precision };
  }

  protected get width(): undefined {
    return undefined;
  }
  protected nativeSpec(features: number): NativeSpec {
    return { kind: 'matern', features, nu: this.nu, length: this.length };
  }
  protected footprint(): Footprint {
    return { sample: 0, forward: 0, backward: 0 };
  }
}
