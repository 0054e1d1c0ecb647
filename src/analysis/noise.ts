import { readMatrix } from '../engine/input.js';
import type { Matrix, MatrixLike } from '../engine/types.js';
import { describe, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { numberBetween, qubitCount, wholeNumber } from './arguments.js';

/**
 * Probability that a qubit's outcome is read wrongly, independently of the others; two numbers where a 0 and a 1 differ (what
 * Qiskit's backends call `prob_meas1_prep0` and `prob_meas0_prep1`).
 */
export type ReadoutError = number | { meas1prep0: number; meas0prep1: number };

/** The noise of a device that measures a fidelity kernel with the inversion test, U(y)^dagger U(x)|0>, read in the Z basis. */
export interface NoiseOptions {
  /** Strength p of a global depolarising channel, 0..1: with probability p the state becomes the maximally mixed one. */
  depolarizing?: number;
  /** How many times the channel acts during the kernel's circuit, both embeddings together; 1 by default. */
  layers?: number;
  /** Flips of the outcomes, 0 to 0.5. */
  readout?: ReadoutError;
}

export const NOISE_KEYS: readonly (keyof NoiseOptions)[] = ['depolarizing', 'layers', 'readout'];

/** {@link NoiseOptions}, checked, with everything filled in. */
export interface Noise {
  depolarizing: number;
  layers: number;
  meas1prep0: number;
  meas0prep1: number;
}

export function readNoise(options: NoiseOptions, where: string): Noise {
  rejectUnknownKeys(options, NOISE_KEYS, where);
  return {
    depolarizing: numberBetween(options.depolarizing ?? 0, 'depolarizing', where, 0, 1),
    layers: wholeNumber(options.layers ?? 1, 'layers', where, 1, Number.MAX_SAFE_INTEGER),
    ...readReadout(options.readout ?? 0, where),
  };
}

export function readReadout(readout: ReadoutError, where: string): Pick<Noise, 'meas1prep0' | 'meas0prep1'> {
  if (typeof readout !== 'number') {
    if (readout === null || typeof readout !== 'object') {
      throw new QrkdTypeError(
        'ERR_QRKD_TYPE',
        `${where}: readout must be a number or { meas1prep0, meas0prep1 }, got ${describe(readout)}`,
      );
    }
    rejectUnknownKeys(readout, ['meas1prep0', 'meas0prep1'], `${where}: readout`);
  }
  const { meas1prep0, meas0prep1 } =
    typeof readout === 'number' ? { meas1prep0: readout, meas0prep1: readout } : readout;
  return {
    meas1prep0: numberBetween(meas1prep0, 'readout.meas1prep0', where, 0, 0.5),
    meas0prep1: numberBetween(meas0prep1, 'readout.meas0prep1', where, 0, 0.5),
  };
}

/** Share of the runs in which depolarisation happened, 1 - (1 - p)^layers: the channel commutes with every gate. */
export function depolarizedShare({ depolarizing, layers }: Noise): number {
  return 1 - (1 - depolarizing) ** layers;
}

/** How often 0...0 is read for the three kinds of state that the model knows. */
export interface ReadingZeros {
  /** After the outcome 0...0. */
  right: number;
  /** After one of the other 2^qubits - 1 outcomes, each as likely as the next. */
  wrong: number;
  /** After the maximally mixed state. */
  mixed: number;
}

export function readingZeros(
  { meas1prep0, meas0prep1 }: Pick<Noise, 'meas1prep0' | 'meas0prep1'>,
  qubits: number,
): ReadingZeros {
  const right = (1 - meas1prep0) ** qubits;
  const mixed = ((1 - meas1prep0 + meas0prep1) / 2) ** qubits;
  const share = 2 ** -qubits;
  return { right, wrong: (mixed - right * share) / (1 - share), mixed };
}

/** The noise as K -> scale K + offset. */
export function affineNoise(noise: Noise, qubits: number): { scale: number; offset: number } {
  const share = depolarizedShare(noise);
  const { right, wrong, mixed } = readingZeros(noise, qubits);
  return { scale: (1 - share) * (right - wrong), offset: (1 - share) * wrong + share * mixed };
}

/**
 * A kernel matrix as a noisy device would measure it with infinitely many shots, in closed form.
 *
 * - **Depolarising**: K -> (1 - q) K + q / 2^qubits with q = 1 - (1 - p)^layers. Exact for a global depolarising channel anywhere in
 *   the circuit (Hubregtsen et al. 2021, section V). Channels on single qubits have no such form.
 * - **Readout**: K -> a K + b (1 - K), where a = (1 - e)^qubits is the probability that 0...0 is read as 0...0 and b the mean
 *   probability that another outcome is. It is exact on the diagonal, for the depolarised part, and where all wrong outcomes are
 *   equally likely, as they are between random states; for similar samples of an entangling map, whose wrong outcomes have
 *   few ones, it is too low. `FidelityKernel` with `noise` follows every outcome and is exact.
 *
 * @param K [N, M] probabilities.
 * @returns a new matrix of K's shape and element type.
 * @throws TypeError or RangeError: ERR_QRKD_TYPE, ERR_QRKD_SHAPE, ERR_QRKD_VALUE, ERR_QRKD_NOT_FINITE.
 */
export function applyNoise(K: MatrixLike, options: NoiseOptions & { qubits: number }): Matrix {
  rejectUnknownKeys(options, [...NOISE_KEYS, 'qubits'], 'applyNoise');
  const { qubits, ...rest } = options;
  const noise = readNoise(rest, 'applyNoise');
  const { scale, offset } = affineNoise(noise, qubitCount(qubits, 'applyNoise'));
  const { data, shape } = readMatrix(K, 'applyNoise: K');
  return { data: data.map((k) => scale * k + offset), shape };
}
