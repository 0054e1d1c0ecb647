import { Matrix as Dense } from 'ml-matrix';
import seedrandom from 'seedrandom';
import { choice, wholeNumber } from '../analysis/arguments.js';
import { dense, flat, symmetricEigen } from '../analysis/eigen.js';
import { readMatrix } from '../engine/input.js';
import { checkMemory } from '../engine/memory.js';
import { takeRows } from '../engine/rows.js';
import type { Kernel, Matrix, MatrixLike } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { type Between, drawRows, pivotedCholesky } from './landmarks.js';

export type NystromMethod = 'uniform' | 'rpcholesky';

export interface NystromOptions {
  /**
   * How landmarks are chosen. 'uniform' (default): at random, without replacement (Williams and Seeger 2001). 'rpcholesky':
   * by randomly pivoted Cholesky (Chen, Epperly, Tropp and Webber 2024, arXiv 2207.06503), in proportion to what the
   * landmarks so far leave of the diagonal; nearer to the best approximation of that rank, at the cost of several
   * passes over the samples.
   */
  method?: NystromMethod;
  /** Of all random choices; default 0. */
  seed?: number | string;
  /** Rows of K that the error is estimated from; default 64, at most N, where the estimate is exact. */
  errorRows?: number;
  /** The promise rejects with signal.reason. */
  signal?: AbortSignal;
}

/** How far K' = features features^T is from K. As K - K' is positive semi-definite, `frobenius` is at most `trace`. */
export interface NystromError {
  /** trace(K) - trace(K'): exact, and the trace norm of K - K'. */
  trace: number;
  /** trace / trace(K). */
  relativeTrace: number;
  /** |K - K'| in Frobenius' norm, estimated from some rows drawn at random without replacement. */
  frobenius: number;
  /** Standard error of `frobenius`, by the variance between those rows; 0 where they are all rows. */
  frobeniusStandardError: number;
}

export interface NystromApproximation {
  /** Rows of X in the order in which they were chosen; fewer than m where those span all samples. */
  landmarks: Uint32Array;
  /** At most m: landmarks may depend on each other. */
  rank: number;
  /** Z [N, rank] with K ~ Z Z^T: input of any linear method. */
  features: Matrix<Float64Array>;
  /** The features of other samples [M, f] -> [M, rank]: K(Y, X) ~ transform(Y) Z^T. */
  transform(Y: MatrixLike): Matrix<Float64Array>;
  error: NystromError;
}

/** Rows whose diagonal entries are computed at once, as the diagonal of a small matrix. */
const DIAGONAL_ROWS = 64;

/**
 * The Nystroem approximation K ~ C W^+ C^T of a kernel matrix by m of the samples as landmarks: C = K(X, landmarks), W =
 * K(landmarks, landmarks), with the pseudo-inverse by W's eigenvalues. Takes N m kernel values in place of N^2.
 *
 * @param X [N, f]
 * @param m number of landmarks, 1 to N, or the rows of X that shall be landmarks. The time for W grows with m^3: about
 *   0.2 s for 256.
 * @throws TypeError or RangeError naming the argument. Aborting rejects with `signal.reason`.
 */
export async function nystrom(
  kernel: Kernel,
  X: MatrixLike,
  m: number | ArrayLike<number>,
  options: NystromOptions = {},
): Promise<NystromApproximation> {
  rejectUnknownKeys(options, ['method', 'seed', 'errorRows', 'signal'], 'nystrom');
  if (typeof kernel?.matrixAsync !== 'function') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `nystrom: kernel must be a kernel, got ${describe(kernel)}`);
  }
  const x = readMatrix(X, 'nystrom: X');
  const n = x.shape[0];
  const given = typeof m === 'object' && m !== null ? checkLandmarks(m, n) : undefined;
  const count = given ? given.length : wholeNumber(m, 'm', 'nystrom', 1, n);
  const method = choice(options.method ?? 'uniform', 'method', 'nystrom', ['uniform', 'rpcholesky']);
  const errorRows = Math.min(wholeNumber(options.errorRows ?? 64, 'errorRows', 'nystrom', 2, 2 ** 31), n);
  const { seed = 0, signal } = options;
  // Kernel values and features in double, once more as ml-matrix holds them.
  checkMemory(4 * 8 * n * count, `a Nystroem approximation of ${n} samples by ${count}`);
  const random = seedrandom(`qrkd-nystrom-${seed}`);
  const between = (a: Matrix, b?: Matrix) => kernel.matrixAsync(a, b, { signal });

  const epsilon = kernel.precision === 'float32' ? 2 ** -23 : 2 ** -52;
  const diagonal = await diagonalOf(between, x);
  const landmarks =
    given ??
    (method === 'uniform'
      ? drawRows(n, count, random)
      : await pivotedCholesky(between, x, diagonal, count, epsilon, random));
  const chosen = takeRows(x, landmarks);
  const root = inverseRoot(await between(chosen), epsilon);
  const features = product(await between(x, chosen), root);

  const rank = root.columns;
  const left = diagonal.map((value, i) => value - squaredNorm(features.data.subarray(i * rank, (i + 1) * rank)));
  const trace = sum(left);
  const sampled = drawRows(n, errorRows, random);
  const rows = await between(takeRows(x, sampled), x);
  return {
    landmarks,
    rank,
    features,
    transform: (Y) => product(kernel.matrix(readMatrix(Y, 'transform: Y', x.shape[1]), chosen), root),
    error: { trace, relativeTrace: trace / (sum(diagonal) || 1), ...frobeniusError(rows, sampled, features) },
  };
}

function checkLandmarks(rows: ArrayLike<number>, n: number): Uint32Array {
  const landmarks = Array.from(rows, (row, i) => wholeNumber(row, `landmark ${i}`, 'nystrom', 0, n - 1));
  if (landmarks.length === 0 || new Set(landmarks).size < landmarks.length) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', 'nystrom: m must name at least one row of X, and none twice');
  }
  return Uint32Array.from(landmarks);
}

async function diagonalOf(between: Between, x: Matrix): Promise<Float64Array> {
  const n = x.shape[0];
  const diagonal = new Float64Array(n);
  for (let first = 0; first < n; first += DIAGONAL_ROWS) {
    const rows = Uint32Array.from({ length: Math.min(DIAGONAL_ROWS, n - first) }, (_, i) => first + i);
    const { data } = await between(takeRows(x, rows));
    rows.forEach((row, i) => {
      diagonal[row] = data[i * rows.length + i];
    });
  }
  return diagonal;
}

/** A [m, rank] with A A^T = W^+, leaving out eigenvalues that are rounding errors of W. */
function inverseRoot(W: Matrix, epsilon: number): Dense {
  const { values, vectors } = symmetricEigen(dense(W));
  const smallest = values.length * epsilon * values[values.length - 1];
  const kept = Array.from(values.keys()).filter((k) => values[k] > smallest);
  const root = new Dense(values.length, kept.length);
  kept.forEach((k, column) => {
    const scale = 1 / Math.sqrt(values[k]);
    for (let i = 0; i < values.length; i++) root.set(i, column, scale * vectors.get(i, k));
  });
  return root;
}

function product(C: Matrix, root: Dense): Matrix<Float64Array> {
  return { data: flat(dense(C).mmul(root)), shape: [C.shape[0], root.columns] };
}

/** From r of N rows: |E|^2 ~ N mean(|e_i|^2), with the correction for a finite population. */
function frobeniusError(
  rows: Matrix,
  sampled: Uint32Array,
  { data, shape: [n, rank] }: Matrix<Float64Array>,
): Pick<NystromError, 'frobenius' | 'frobeniusStandardError'> {
  const squares = Float64Array.from(sampled, (row, r) => {
    const a = data.subarray(row * rank, (row + 1) * rank);
    let square = 0;
    for (let j = 0; j < n; j++) {
      let approximate = 0;
      for (let c = 0; c < rank; c++) approximate += a[c] * data[j * rank + c];
      square += (rows.data[r * n + j] - approximate) ** 2;
    }
    return square;
  });
  const count = squares.length;
  const mean = sum(squares) / count;
  const variance = count > 1 ? sum(squares.map((s) => (s - mean) ** 2)) / (count - 1) : 0;
  const frobenius = Math.sqrt(n * mean);
  const standardError = n * Math.sqrt((variance / count) * (1 - count / n));
  // The error of a square root, to first order.
  return { frobenius, frobeniusStandardError: frobenius > 0 ? standardError / (2 * frobenius) : 0 };
}

function sum(values: Float64Array): number {
  return values.reduce((total, v) => total + v, 0);
}

function squaredNorm(values: Float64Array): number {
  return values.reduce((total, v) => total + v * v, 0);
}
