import type { Matrix, MatrixLike } from '../engine/types.js';
import { QrkdRangeError, rejectUnknownKeys } from '../errors.js';
import { qubitCount, readSymmetric } from './arguments.js';
import { dense, symmetricEigen } from './eigen.js';

export interface ConcentrationOptions {
  /** Of the states behind a fidelity kernel; without it nothing is compared with random states. */
  qubits?: number;
}

/** What the entries off the diagonal look like: see {@link ConcentrationReport.verdict}. */
export type KernelShape = 'concentrated' | 'nearly diagonal' | 'nearly constant' | 'spread';

export interface ConcentrationReport {
  samples: number;
  /** Mean and variance of the entries off the diagonal. */
  mean: number;
  variance: number;
  /** The same for independent Haar-random states of d = 2^qubits dimensions: 1/d and (d - 1) / (d^2 (d + 1)). */
  haar?: { mean: number; variance: number };
  /** Eigenvalues, largest first. */
  spectrum: Float64Array;
  /** exp(entropy of the eigenvalues as shares of their sum), 1..N (Roy and Vetterli 2007); negative ones count as 0. */
  effectiveRank: number;
  /** Shots for each entry. */
  shots: {
    /** So that the standard error of an entry is no more than the entries' own standard deviation; Infinity if they are equal. */
    toSeparate: number;
    /** So that the standard error of the mean entry is a tenth of it. */
    toMeasure: number;
  };
  shape: KernelShape;
  /** One or two sentences on what this means for learning. */
  verdict: string;
}

/** Within this factor of the random states' mean, a kernel says no more than random states would. */
const NEAR_HAAR = 2;
/** An effective rank of this share of N leaves nothing that samples have in common; a mean this near 1 nothing that they have not. */
const NEARLY_DIAGONAL = 0.9;
const NEARLY_CONSTANT = 0.95;

/**
 * How much a kernel matrix can tell about its samples, and how many shots it takes to read it off a device.
 *
 * Kernels of wide or deep circuits concentrate: all entries off the diagonal approach one value, for random states 1 / 2^n, and
 * the number of shots that still separates them grows exponentially (Thanasilp, Wang, Cerezo and Holmes, "Exponential
 * concentration in quantum kernel methods", Nature Communications 15, 5200, 2024). An entry k that is estimated from S shots has the
 * variance k (1 - k) / S; `toSeparate` is where its mean over the entries equals the variance of the entries (2^n for
 * random states), `toMeasure` is (1 - mean) / (0.01 mean): the spread and concentration effects of Miroszewski et al. (arXiv
 * 2407.15776, 2024).
 *
 * @param K [N, N] symmetric with N >= 2: a Gram matrix with ones on the diagonal.
 * @throws TypeError or RangeError: ERR_QRKD_TYPE, ERR_QRKD_SHAPE, ERR_QRKD_VALUE, ERR_QRKD_NOT_FINITE.
 */
export function concentration(K: MatrixLike, options: ConcentrationOptions = {}): ConcentrationReport {
  rejectUnknownKeys(options, ['qubits'], 'concentration');
  const qubits = options.qubits === undefined ? undefined : qubitCount(options.qubits, 'concentration');
  const matrix = readSymmetric(K, 'K', 'concentration');
  const samples = matrix.shape[0];
  if (samples < 2) throw new QrkdRangeError('ERR_QRKD_SHAPE', 'concentration: K has 1 row, expected at least 2');
  const { mean, variance, shotVariance } = offDiagonal(matrix);
  const haar = qubits === undefined ? undefined : haarMoments(qubits);
  const spectrum = symmetricEigen(dense(matrix)).values.reverse();
  const effectiveRank = rankOf(spectrum);
  const facts = { samples, mean, variance, ...(haar && { haar }), spectrum, effectiveRank };
  const shots = {
    toSeparate: neededShots(shotVariance, variance),
    toMeasure: neededShots((1 - mean) * mean, (0.1 * mean) ** 2),
  };
  return { ...facts, shots, ...judge(facts, shots.toSeparate) };
}

/** Mean and variance over i != j, and the mean of K (1 - K): the variance that one shot leaves to an entry. */
export function offDiagonal({ data, shape: [n] }: Matrix): { mean: number; variance: number; shotVariance: number } {
  const count = n * (n - 1);
  let sum = 0;
  let shotVariance = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (i === j) continue;
      const k = data[i * n + j];
      sum += k;
      shotVariance += Math.max(k * (1 - k), 0) / count;
    }
  }
  const mean = sum / count;
  let variance = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) if (i !== j) variance += (data[i * n + j] - mean) ** 2 / count;
  }
  return { mean, variance, shotVariance };
}

/** Moments of the fidelity of independent Haar-random states (Zyczkowski and Sommers 2005: a beta distribution, 1 and d - 1). */
function haarMoments(qubits: number): { mean: number; variance: number } {
  const mean = 2 ** -qubits;
  return { mean, variance: (mean * mean * (1 - mean)) / (1 + mean) };
}

function neededShots(perShot: number, wanted: number): number {
  return wanted > 0 ? Math.max(1, Math.ceil(perShot / wanted)) : Number.POSITIVE_INFINITY;
}

function rankOf(spectrum: Float64Array): number {
  const total = spectrum.reduce((sum, v) => sum + Math.max(v, 0), 0);
  const entropy = spectrum.reduce((sum, v) => (v > 0 ? sum - (v / total) * Math.log(v / total) : sum), 0);
  return Math.exp(entropy);
}

function judge(
  facts: Pick<ConcentrationReport, 'samples' | 'mean' | 'variance' | 'haar' | 'effectiveRank'>,
  toSeparate: number,
): Pick<ConcentrationReport, 'shape' | 'verdict'> {
  const { samples, mean, variance, haar, effectiveRank } = facts;
  const shots = Number.isFinite(toSeparate)
    ? toSeparate === 1
      ? 'about one shot an entry tells entries from one another'
      : `about ${toSeparate.toLocaleString('en-US')} shots an entry tell entries from one another`
    : 'no number of shots tells entries from one another';
  if (haar && mean <= NEAR_HAAR * haar.mean && variance <= NEAR_HAAR ** 2 * haar.variance) {
    return {
      shape: 'concentrated',
      verdict: `Concentrated: entries off the diagonal are what random states give, so nothing can be learned from them; ${shots}. Try a smaller bandwidth, fewer repetitions or fewer qubits.`,
    };
  }
  if (effectiveRank >= NEARLY_DIAGONAL * samples) {
    return {
      shape: 'nearly diagonal',
      verdict: `Nearly diagonal: every sample is similar to itself alone, which fits any labels and says little about new samples; ${shots}. Try a smaller bandwidth.`,
    };
  }
  if (mean >= NEARLY_CONSTANT) {
    return {
      shape: 'nearly constant',
      verdict: `Nearly constant: all samples look alike; ${shots}. Try a larger bandwidth.`,
    };
  }
  return { shape: 'spread', verdict: `Spread: entries differ by more than random states' do; ${shots}.` };
}
