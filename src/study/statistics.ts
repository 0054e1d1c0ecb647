import jStat from 'jstat';
import { QrkdRangeError } from '../errors.js';

/** Mean and sample standard deviation (n - 1; null for one value), in the unit of the values. */
export interface Spread {
  mean: number;
  deviation: number | null;
}

/** One set of values minus another, pair by pair; all but `n` and `p` are in the unit of the values. */
export interface PairedComparison {
  /** Number of pairs. */
  n: number;
  difference: Spread;
  /** Confidence interval of the mean difference. */
  interval: [number, number] | null;
  /** Two-sided p-value of the paired t-test. */
  p: number | null;
  /** The smallest true mean difference that so many pairs with this deviation show with 80 % power at the 5 % level. */
  detectable: number | null;
}

const POWER = 0.8;
const SIGNIFICANCE = 0.05;

export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  if (values.length < 2) return { mean, deviation: null };
  const square = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(square / (values.length - 1)) };
}

/**
 * Paired comparison of `a - b` by Student's t with n - 1 degrees of freedom.
 *
 * `detectable` is exact for normal differences: their noncentral t distribution is solved for the power 0.8 of the two-sided
 * test at level 0.05 (of this one test, before any correction for others), with the deviation taken as that of the pairs.
 * With one pair, or where all differences are equal, there is no t: `interval`, `p` and `detectable` are null.
 *
 * @param a, b values in the same order of pairs, in any unit.
 * @param level of the confidence interval, 0..1.
 * @throws RangeError ERR_QRKD_SHAPE for different lengths or none, ERR_QRKD_VALUE for a level outside of 0..1.
 */
export function pairedComparison(a: readonly number[], b: readonly number[], level = 0.95): PairedComparison {
  const n = a.length;
  if (n !== b.length || n === 0) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `pairedComparison: a has ${n} values and b ${b.length}, expected the same number of at least 1`,
    );
  }
  if (!(level > 0 && level < 1)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `pairedComparison: level is ${level}, expected a number between 0 and 1`,
    );
  }
  const difference = spread(a.map((value, i) => value - b[i]));
  const { mean, deviation } = difference;
  // Equal differences of fractions differ by rounding.
  const rounding = 1e-12 * Math.max(...a.map(Math.abs), ...b.map(Math.abs));
  if (deviation === null || deviation <= rounding) {
    return { n, difference, interval: null, p: null, detectable: null };
  }
  const freedom = n - 1;
  const error = deviation / Math.sqrt(n);
  const t = mean / error;
  const half = error * jStat.studentt.inv((1 + level) / 2, freedom);
  return {
    n,
    difference,
    interval: [mean - half, mean + half],
    // P(|T| > |t|) without the cancellation of 1 - P(T < |t|).
    p: jStat.ibeta(freedom / (freedom + t * t), freedom / 2, 0.5),
    detectable: error * detectableNoncentrality(freedom),
  };
}

/** The noncentrality at which the two-sided t-test has the power 0.8, by bisection: the power grows with it. */
function detectableNoncentrality(freedom: number): number {
  const critical = jStat.studentt.inv(1 - SIGNIFICANCE / 2, freedom);
  const power = (noncentrality: number) =>
    1 -
    jStat.noncentralt.cdf(critical, freedom, noncentrality) +
    jStat.noncentralt.cdf(-critical, freedom, noncentrality);
  let [low, high] = [0, 2];
  while (power(high) < POWER) high *= 2;
  while (high - low > 1e-9 * high) {
    const middle = (low + high) / 2;
    if (power(middle) < POWER) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * Holm's step-down correction ("A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
 * 6, 65-70, 1979): p-values that bound the chance of any false positive in the family.
 *
 * @param ps p-values of one family; null ones (no test was possible) stay null and do not count.
 */
export function holm(ps: readonly (number | null)[]): (number | null)[] {
  const tested = ps.flatMap((p, i) => (p === null ? [] : [{ p, i }])).sort((x, y) => x.p - y.p);
  const corrected: (number | null)[] = ps.map(() => null);
  let least = 0;
  tested.forEach(({ p, i }, rank) => {
    least = Math.max(least, Math.min(1, (tested.length - rank) * p));
    corrected[i] = least;
  });
  return corrected;
}
