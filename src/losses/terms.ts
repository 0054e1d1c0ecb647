import type { Matrix } from '../engine/types.js';

/** The terms of the loss, in the order in which they are computed and reported. */
export const TERMS = ['ce', 'kd', 'distance', 'angle', 'quantum'] as const;
export type Term = (typeof TERMS)[number];

/** Whether a term compares logits; the others compare features. */
export function isLogitTerm(term: Term): term is 'ce' | 'kd' {
  return term === 'ce' || term === 'kd';
}

/** Outputs of a model for one batch: logits [N, C], and features [N, f] for every pair of layers that is compared. */
export interface Outputs {
  logits?: Matrix;
  features?: readonly Matrix[];
}

export interface TermValue {
  /** The term itself; of a relational one the sum over the pairs of layers, each times the pair's weight. */
  raw: number;
  /** Weight times `raw`: what it adds to the loss. */
  weighted: number;
  /** Frobenius norm of d raw / d (student's logits, or features of all pairs together) over the batch. */
  gradientNorm: number;
}

/** One pair's share of a term, or a term that has no pairs: value, norm of its gradient, and the pair's weight. */
export interface Share {
  raw: number;
  gradientNorm: number;
  weight: number;
}

/** A term from its shares. */
export function sumOfShares(shares: readonly Share[], termWeight: number): TermValue {
  const raw = shares.reduce((sum, share) => sum + share.weight * share.raw, 0);
  const gradientNorm = Math.hypot(...shares.map((share) => share.weight * share.gradientNorm));
  return { raw, weighted: termWeight * raw, gradientNorm };
}
