import type { NativeAngleMap } from '../engine/native.js';

/** One factor o + s * x[feature] of an angle. */
export interface Factor {
  feature: number;
  offset: number;
  scale: number;
}

/** Collects angles, each a coefficient times a product of affine functions of features. */
export class AngleList {
  private readonly angles: { coefficient: number; factors: Factor[] }[] = [];

  /** Adds an angle and returns its index. */
  add(coefficient: number, factors: Factor[]): number {
    return this.angles.push({ coefficient, factors }) - 1;
  }

  native(): NativeAngleMap {
    const factors = this.angles.flatMap((a) => a.factors);
    const starts = [0];
    for (const { factors } of this.angles) starts.push(starts.at(-1)! + factors.length);
    return {
      coefficients: Float64Array.from(this.angles, (a) => a.coefficient),
      starts: Int32Array.from(starts),
      features: Int32Array.from(factors, (f) => f.feature),
      offsets: Float64Array.from(factors, (f) => f.offset),
      scales: Float64Array.from(factors, (f) => f.scale),
    };
  }
}
