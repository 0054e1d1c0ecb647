import { readMatrix } from '../engine/input.js';
import type { Matrix, MatrixLike } from '../engine/types.js';
import { rejectUnknownKeys } from '../errors.js';
import { readSymmetric, wholeNumber } from './arguments.js';
import { binomial, CounterStream } from './binomial.js';

export interface ShotOptions {
  /** Runs of the circuit for each entry, 1 to 2^32. */
  shots: number;
  /** A whole number from 0 to 2^53 - 1; the same seed gives the same matrix, another one an independent one. 0 by default. */
  seed?: number;
  /** True for a matrix of X against Y, whose entries are all measured by themselves. A symmetric Gram matrix otherwise. */
  cross?: boolean;
}

export const MAX_SHOTS = 2 ** 32;
export const MAX_SEED = Number.MAX_SAFE_INTEGER;

/** Third word of the counter: Gram matrices, cross matrices and the diagonal of Y each have random numbers of their own. */
export const STREAMS = { gram: 0, cross: 1, diagonalY: 2 } as const;

/** Where a block of entries lies in the whole matrix. */
export interface Place {
  row: number;
  column: number;
  /** Whether the whole is the Gram matrix of one set of samples. */
  gram: boolean;
}

/**
 * Replaces every probability by the frequency that `shots` runs show: Binomial(shots, K_ij) / shots, with random numbers that
 * belong to the seed and to the entry's place in the whole matrix. Blocks and shards of a matrix therefore come out as in
 * the whole, and in a Gram matrix K_ij and K_ji are one measurement.
 *
 * @param data row-major block of `columns` columns, changed in place.
 */
export function measureBlock(
  data: Float32Array | Float64Array,
  columns: number,
  { row, column, gram }: Place,
  shots: number,
  seed: number,
): void {
  const random = new CounterStream(seed);
  const rows = data.length / columns;
  const whole = gram && row === 0 && column === 0 && rows === columns;
  for (let i = 0; i < rows; i++) {
    for (let j = whole ? i : 0; j < columns; j++) {
      const a = row + i;
      const b = column + j;
      if (gram) random.seek(Math.min(a, b), Math.max(a, b), STREAMS.gram);
      else random.seek(a, b, STREAMS.cross);
      const frequency = binomial(random, shots, data[i * columns + j]) / shots;
      data[i * columns + j] = frequency;
      if (whole) data[j * columns + i] = frequency;
    }
  }
}

/**
 * A kernel matrix as a device would measure it with finitely many shots: K_ij -> Binomial(shots, K_ij) / shots. The
 * random numbers come from a counter-based generator (Philox4x32-10, key: the seed, counter: i and j), so that the result
 * depends on nothing else.
 *
 * The diagonal is measured like every other entry. Without noise it stays exactly 1, as 1 is the only outcome there
 * (Qiskit's `evaluate_duplicates` makes no difference then); with noise it is what mitigation reads the noise from (Qiskit:
 * 'all').
 *
 * @param K [N, N] symmetric, or [N, M] with `cross`; probabilities, numbers outside of 0..1 count as 0 or 1.
 * @returns a new matrix of K's shape and element type.
 * @throws TypeError or RangeError: ERR_QRKD_TYPE, ERR_QRKD_SHAPE, ERR_QRKD_VALUE, ERR_QRKD_NOT_FINITE.
 */
export function sampleShots(K: MatrixLike, options: ShotOptions): Matrix {
  rejectUnknownKeys(options, ['shots', 'seed', 'cross'], 'sampleShots');
  const shots = wholeNumber(options.shots, 'shots', 'sampleShots', 1, MAX_SHOTS);
  const seed = wholeNumber(options.seed ?? 0, 'seed', 'sampleShots', 0, MAX_SEED);
  const cross = options.cross ?? false;
  const { data, shape } = cross ? readMatrix(K, 'sampleShots: K') : readSymmetric(K, 'K', 'sampleShots');
  const measured = data.slice();
  measureBlock(measured, shape[1], { row: 0, column: 0, gram: !cross }, shots, seed);
  return { data: measured, shape };
}
