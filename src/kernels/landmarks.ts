import { takeRows } from '../engine/rows.js';
import type { Matrix } from '../engine/types.js';

/** Kernel values between the rows of two matrices, or of one with itself. */
export type Between = (a: Matrix, b?: Matrix) => Promise<Matrix>;

/** `count` of `n` numbers without replacement: the beginning of a Fisher-Yates shuffle. */
export function drawRows(n: number, count: number, random: () => number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random() * (n - i));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order.slice(0, count);
}

/**
 * Randomly pivoted Cholesky in rounds: a block of proposals is drawn by the residual diagonal, and each is accepted with
 * the share of its residual that those accepted before it left (Epperly, Tropp and Webber 2024, arXiv 2410.03969). The
 * pivots have the distribution of the method one by one; the samples' states are computed once a round.
 */
export async function pivotedCholesky(
  between: Between,
  x: Matrix,
  diagonal: Float64Array,
  m: number,
  epsilon: number,
  random: () => number,
): Promise<Uint32Array> {
  const n = x.shape[0];
  const residual = diagonal.slice();
  // A residual of rounding errors only: the landmarks span all samples.
  const floor = 100 * epsilon * diagonal.reduce((largest, value) => Math.max(largest, value), 0);
  const factor = new Float64Array(n * m); // row-major: K ~ factor factor^T
  const pivots: number[] = [];
  const block = Math.max(4, Math.ceil(m / 5));
  while (pivots.length < m) {
    const proposals = proposed(residual, block, floor, random);
    if (proposals.length === 0) break;
    const columns = await between(x, takeRows(x, Uint32Array.from(proposals)));
    const before = proposals.map((row) => residual[row]);
    for (let p = 0; p < proposals.length && pivots.length < m; p++) {
      const pivot = proposals[p];
      if (!(residual[pivot] > floor) || random() * before[p] >= residual[pivot]) continue;
      const k = pivots.length;
      const scale = 1 / Math.sqrt(residual[pivot]);
      for (let i = 0; i < n; i++) {
        let value = columns.data[i * proposals.length + p];
        for (let c = 0; c < k; c++) value -= factor[i * m + c] * factor[pivot * m + c];
        value *= scale;
        factor[i * m + k] = value;
        residual[i] = Math.max(0, residual[i] - value * value);
      }
      residual[pivot] = 0;
      pivots.push(pivot);
    }
  }
  return Uint32Array.from(pivots);
}

/** Rows drawn in proportion to what is above the floor of `weights`, with replacement; none where nothing is. */
function proposed(weights: Float64Array, count: number, floor: number, random: () => number): number[] {
  const sums = new Float64Array(weights.length);
  let total = 0;
  weights.forEach((w, i) => {
    if (w > floor) total += w;
    sums[i] = total;
  });
  if (total === 0) return [];
  return Array.from({ length: count }, () => {
    const at = random() * total;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}
