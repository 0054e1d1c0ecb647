import type { Matrix } from '../engine/types.js';

/** The terms of the loss, in the order in which they are computed and reported. */
export const TERMS = ['ce', 'kd', 'hidden', 'distance', 'angle', 'quantum'] as const;
export type Term = (typeof TERMS)[number];

/** What a term compares: logits, hidden states of every token, or features of every pair of layers. */
export function comparedBy(term: Term): keyof Outputs {
  if (term === 'ce' || term === 'kd') return 'logits';
  return term === 'hidden' ? 'hidden' : 'features';
}

/**
 * Outputs of a model for one batch: logits [N, C], hidden states [N, d], of models that label every token with a row for each of
 * them, and features [N, f] for every pair of layers that is compared.
 */
export interface Outputs {
  logits?: Matrix;
  hidden?: Matrix;
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
