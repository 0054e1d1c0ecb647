import { readMatrix } from '../engine/input.js';
import type { Matrix, MatrixLike } from '../engine/types.js';
import { QrkdRangeError, rejectUnknownKeys } from '../errors.js';
import { choice, qubitCount, readSquare, wholeNumber } from './arguments.js';
import { type ReadoutError, readingZeros, readReadout } from './noise.js';

/** How the strength of the depolarisation is read off the diagonal, which is 1 without noise. */
export type DepolarizingMethod = 'single' | 'average' | 'split_channel';

export const DEPOLARIZING_METHODS: readonly DepolarizingMethod[] = ['single', 'average', 'split_channel'];

export interface DepolarizingMitigation {
  qubits: number;
  /**
   * 'single': from one diagonal entry; 'average': from the mean of several; 'split_channel': a strength for each sample's
   * embedding, from all of them.
   */
  method: DepolarizingMethod;
  /** Diagonal entries to read; [0] for 'single', all for 'average' by default. */
  entries?: readonly number[];
}

/**
 * Undoes a global depolarising channel, K -> (K - q / 2^qubits) / (1 - q), with q estimated from the diagonal (Hubregtsen et al.,
 * "Training quantum embedding kernels on near-term quantum computers", Phys. Rev. A 106, 042431, 2022, section V; PennyLane's
 * `mitigate_depolarizing_noise`). With shots, entries can come out outside of 0..1.
 *
 * @param K [N, N] with a measured diagonal.
 * @returns a new matrix of K's shape and element type.
 * @throws RangeError ERR_QRKD_VALUE where the diagonal is no larger than that of pure noise, 1 / 2^qubits.
 */
export function mitigateDepolarizing(K: MatrixLike, options: DepolarizingMitigation): Matrix {
  const where = 'mitigateDepolarizing';
  rejectUnknownKeys(options, ['qubits', 'method', 'entries'], where);
  const qubits = qubitCount(options.qubits, where);
  const method = choice(options.method, 'method', where, DEPOLARIZING_METHODS);
  const { data, shape } = readSquare(K, 'K', where);
  const n = shape[0];
  const entries = readEntries(options, n, where);
  const diagonal = Float64Array.from({ length: n }, (_, i) => data[i * n + i]);
  const result = { data: data.slice(), shape };
  undoDepolarizing(result, qubits, method, diagonal, diagonal, entries, where);
  return result;
}

function readEntries(
  { method, entries }: DepolarizingMitigation,
  n: number,
  where: string,
): readonly number[] | undefined {
  if (entries === undefined) return undefined;
  if (method === 'split_channel') {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: entries does not go with method 'split_channel', which uses all`,
    );
  }
  if (!Array.isArray(entries) || entries.length === 0 || (method === 'single' && entries.length > 1)) {
    const expected = method === 'single' ? 'one index' : 'at least one index';
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: entries must be an array of ${expected} for method '${method}'`,
    );
  }
  return entries.map((entry, i) => wholeNumber(entry, `entries[${i}]`, where, 0, n - 1));
}

/**
 * {@link mitigateDepolarizing} in place, for cross matrices, too: `left` are the measured K(x_i, x_i), `right` the
 * measured K(y_j, y_j); 'single' and 'average' read the left ones.
 */
export function undoDepolarizing(
  { data, shape: [n, m] }: Matrix,
  qubits: number,
  method: DepolarizingMethod,
  left: Float64Array,
  right: Float64Array,
  entries: readonly number[] | undefined,
  where: string,
): void {
  const share = 2 ** -qubits;
  const strength = (diagonal: number) => {
    // A mean of values that are exactly 1 / 2^qubits can be more by rounding.
    if (diagonal > share * (1 + 1e-9)) return (1 - diagonal) / (1 - share);
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: the diagonal is ${diagonal}, expected more than 1 / 2^qubits = ${share}, which is noise alone`,
    );
  };
  if (method === 'split_channel') {
    // What the channel leaves of each embedding, sqrt(1 - q_i); a product of two for an entry.
    const kept = (diagonal: number) => Math.sqrt(1 - Math.max(strength(diagonal), 0));
    const leftKept = left.map(kept);
    const rightKept = right === left ? leftKept : right.map(kept);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        const rest = leftKept[i] * rightKept[j];
        data[i * m + j] = (data[i * m + j] - (1 - rest) * share) / rest;
      }
    }
    return;
  }
  const read = entries ?? (method === 'single' ? [0] : Array.from(left.keys()));
  const q = strength(read.reduce((sum, i) => sum + left[i] / read.length, 0));
  for (let k = 0; k < data.length; k++) data[k] = (data[k] - q * share) / (1 - q);
}

/**
 * Undoes readout errors of known strength: the inverse of what `applyNoise` does for `readout`, and as exact as that is.
 * Where there is depolarisation too, this comes first and leaves its effect exactly as it was.
 *
 * @param K [N, M]
 * @returns a new matrix of K's shape and element type.
 * @throws RangeError ERR_QRKD_VALUE where a reading says nothing about the qubit (meas1prep0 + meas0prep1 = 1).
 */
export function mitigateReadout(K: MatrixLike, options: { qubits: number; readout: ReadoutError }): Matrix {
  rejectUnknownKeys(options, ['qubits', 'readout'], 'mitigateReadout');
  const qubits = qubitCount(options.qubits, 'mitigateReadout');
  const error = readReadout(options.readout, 'mitigateReadout');
  const { data, shape } = readMatrix(K, 'mitigateReadout: K');
  const { right, wrong } = readingZeros(error, qubits);
  if (!(right - wrong > 0)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `mitigateReadout: readout ${error.meas1prep0} and ${error.meas0prep1} on ${qubits} qubits leave nothing to tell outcomes apart`,
    );
  }
  return { data: data.map((k) => (k - wrong) / (right - wrong)), shape };
}
