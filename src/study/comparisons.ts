import { type MethodConfig, type StudyConfig, usesTeacher } from './config.js';
import { CLASSICAL_KERNELS } from './kernels.js';
import { type Measure, measureOf, signNote } from './measure.js';
import { holm, type PairedComparison, pairedComparison } from './statistics.js';
import { formatSpread, type RunScores } from './table.js';

/** `method` minus `other` on the test part, paired by seed, in the unit of the study's table (percentage points, perplexity). */
export interface Comparison extends PairedComparison {
  method: string;
  other: string;
  /** `p` after Holm's correction over all comparisons of the study or sweep. */
  pHolm: number | null;
}

type Named = [name: string, method: MethodConfig];

const PLAIN_TERMS = ['ce', 'kd', 'hidden', 'distance', 'angle'] as const;

/** The same method without its kernel term: of equal weights, else (where rows were tuned each) of the same terms. */
function withoutKernel([, method]: Named, others: readonly Named[]): Named | undefined {
  const plain = others.filter(([, { quantum }]) => quantum === 0);
  const alike = (same: (a: number, b: number) => boolean) =>
    plain.find(([, other]) => PLAIN_TERMS.every((term) => same(method[term], other[term])));
  return alike((a, b) => a === b) ?? alike((a, b) => a > 0 === b > 0);
}

/**
 * Which methods a study compares, known before it runs and few, since every one more weakens the others by Holm's correction:
 * each method with a kernel term against the same without it, and each fidelity kernel against each classical one. A study
 * without kernel terms compares each method with the one trained from scratch.
 *
 * @returns pairs of names, in the order of the methods.
 */
export function plannedComparisons({ methods }: Pick<StudyConfig, 'methods'>): [method: string, other: string][] {
  const all: Named[] = Object.entries(methods);
  const kernels = all.filter(([, { quantum }]) => quantum > 0);
  const classical = ([, method]: Named) => CLASSICAL_KERNELS.includes(method.kernels.student.type);
  if (kernels.length === 0) {
    const scratch = all.find(([, method]) => !usesTeacher(method));
    return all.flatMap(([name]) => (scratch && name !== scratch[0] ? [[name, scratch[0]]] : []));
  }
  return kernels.flatMap((own) => {
    const plain = withoutKernel(own, all);
    const controls = classical(own) ? [] : kernels.filter(classical);
    return [...(plain ? [plain] : []), ...controls].map(([other]): [string, string] => [own[0], other]);
  });
}

/** The planned comparisons of a study's methods on the test part; those without a seed in common are left out. */
export function compareMethods(config: StudyConfig, runs: readonly RunScores[]): Comparison[] {
  const { scale } = measureOf(config);
  const compared = plannedComparisons(config).flatMap(([method, other]) => {
    const pairs = runs
      .filter((run) => run.method === method)
      .flatMap((run) => {
        const pair = runs.find((candidate) => candidate.method === other && candidate.seed === run.seed);
        return pair ? [[scale * run.test, scale * pair.test]] : [];
      });
    if (pairs.length === 0) return [];
    const [own, others] = [pairs.map(([value]) => value), pairs.map(([, value]) => value)];
    return [{ method, other, ...pairedComparison(own, others) }];
  });
  return correctTogether([compared])[0];
}

/** Comparisons of several studies with Holm's correction over all of them, as of one family. */
export function correctTogether(studies: readonly (readonly Omit<Comparison, 'pHolm'>[])[]): Comparison[][] {
  const corrected = holm(studies.flat().map(({ p }) => p));
  let next = 0;
  return studies.map((compared) => compared.map((comparison) => ({ ...comparison, pHolm: corrected[next++] })));
}

/** `0.26`, `0.003`, `< 0.001`; `-` where nothing was tested. */
export function formatP(p: number | null): string {
  if (p === null) return '-';
  if (p < 0.001) return '< 0.001';
  return p < 0.1 ? p.toFixed(3) : p.toFixed(2);
}

/** A comparison as one line of text, without a full stop; {@link comparisonNote} says what its parts are. */
export function formatComparison(comparison: Comparison, { points }: Measure): string {
  const { method, other, n, difference, interval, p, pHolm, detectable } = comparison;
  const found = `${method} - ${other}: ${formatSpread(difference)} ${points}`;
  if (interval === null) return n > 1 ? `${found} in each of ${n} seeds` : found;
  const bounds = interval.map((v) => v.toFixed(2)).join(' to ');
  return `${found}, 95 % interval ${bounds}, p ${formatP(p)} (Holm ${formatP(pHolm)}), detectable ${detectable!.toFixed(2)}`;
}

/** Explains {@link formatComparison}. */
export function comparisonNote(measure: Measure): string {
  return (
    `Differences in test ${measure.name}, paired by seed: interval and p of the paired t-test, p after Holm's correction over all ` +
    'of these comparisons, and the smallest true difference that so many seeds with this spread show with 80 % power. ' +
    signNote(measure)
  );
}
