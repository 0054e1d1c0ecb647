import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { TERMS, type Term, type TermValue } from './terms.js';

/** For each term, what the norm of its weighted gradient should be, as a multiple of the cross-entropy's. */
export type TargetRatios = Partial<Record<Exclude<Term, 'ce'>, number>>;

export type TermWeights = Readonly<Record<Term, number>>;

/** @param weights of the loss, from which the run starts. */
export function checkTargetRatios(ratios: TargetRatios, weights: TermWeights, where: string): void {
  rejectUnknownKeys(
    ratios,
    TERMS.filter((term) => term !== 'ce'),
    `${where}: targetRatios`,
  );
  for (const [term, ratio] of Object.entries(ratios) as [Term, number][]) {
    if (!(ratio > 0 && Number.isFinite(ratio))) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${where}: targetRatios.${term} must be a number above 0, got ${describe(ratio)}`,
      );
    }
    for (const needed of ['ce', term] as const) {
      if (weights[needed] > 0) continue;
      throw new QrkdTypeError(
        'ERR_QRKD_TYPE',
        `${where}: targetRatios.${term} sets the term's gradient against that of ce; the weight of ${needed} is 0`,
      );
    }
  }
}

/**
 * The weights of an epoch from what the one before measured: a term with a target ratio r gets the weight
 * r (weight of ce) (mean norm of ce's gradient) / (mean norm of the term's gradient), of the gradients with respect to the
 * student's outputs ({@link TermValue}). The others keep theirs, as does a term without a gradient.
 */
export function weightsByRatios(
  ratios: TargetRatios,
  weights: TermWeights,
  measured: Partial<Record<Term, TermValue>>,
): TermWeights {
  const task = weights.ce * (measured.ce?.gradientNorm ?? 0);
  const next = { ...weights };
  for (const [term, ratio] of Object.entries(ratios) as [Term, number][]) {
    const weight = (ratio * task) / (measured[term]?.gradientNorm ?? 0);
    if (weight > 0 && Number.isFinite(weight)) next[term] = weight;
  }
  return next;
}
