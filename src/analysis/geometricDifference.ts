import { Matrix as Dense } from 'ml-matrix';
import type { Matrix, MatrixLike } from '../engine/types.js';
import { QrkdRangeError, rejectUnknownKeys } from '../errors.js';
import { numberBetween, readSymmetric } from './arguments.js';
import { dense, type Eigen, symmetricEigen } from './eigen.js';

export interface RegularizationOptions {
  /** lambda >= 0, added to the eigenvalues of a kernel matrix of trace N; 0 by default. */
  regularization?: number;
}

/** Eigenvalues smaller than this share of the largest are rounding: with lambda = 0 the matrix has no inverse then. */
const SINGULAR = 1e-12;

/**
 * Geometric difference g(K1 || K2) = sqrt(|sqrt(K2) sqrt(K1) (K1 + lambda I)^-2 sqrt(K1) sqrt(K2)|), spectral norm, of kernel
 * matrices scaled to trace N; without regularisation sqrt(|sqrt(K2) K1^-1 sqrt(K2)|). K1 is the classical kernel, K2 the quantum
 * one: where g is far below sqrt(N), K1 learns whatever K2 learns; only where it is near sqrt(N) there can be labels on which K2
 * does better (Huang et al., "Power of data in quantum machine learning", Nature Communications 12, 2631, 2021, eq. 5 and
 * supplementary note on regularisation).
 *
 * Negative eigenvalues, which shots leave behind, count as 0. One eigenvalue decomposition each for K1 and for the
 * product (11 s each for N = 1024).
 *
 * @param K1 [N, N] symmetric, the reference.
 * @param K2 [N, N] symmetric.
 * @throws RangeError ERR_QRKD_VALUE where K1 is singular and nothing regularises it.
 */
export function geometricDifference(K1: MatrixLike, K2: MatrixLike, options: RegularizationOptions = {}): number {
  const where = 'geometricDifference';
  rejectUnknownKeys(options, ['regularization'], where);
  const lambda = numberBetween(options.regularization ?? 0, 'regularization', where, 0, Number.MAX_VALUE);
  const first = readSymmetric(K1, 'K1', where);
  const second = readSymmetric(K2, 'K2', where);
  if (first.shape[0] !== second.shape[0]) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `${where}: K2 has shape [${second.shape}], expected [${first.shape}]`);
  }
  const { values, vectors } = symmetricEigen(unitTrace(first, 'K1', where));
  checkInvertible(values, lambda, 'K1', where);
  // The product's eigenvalues do not change when its factors go around: f(w)^1/2 V^T K2 V f(w)^1/2 with f(w) = w / (w + lambda)^2.
  const weights = values.map((w) => Math.sqrt(Math.max(w, 0)) / (w + lambda || 1));
  const product = vectors
    .transpose()
    .mmul(unitTrace(second, 'K2', where))
    .mmul(vectors);
  const n = values.length;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = (weights[i] * weights[j] * (product.get(i, j) + product.get(j, i))) / 2;
      product.set(i, j, value);
      product.set(j, i, value);
    }
  }
  return Math.sqrt(Math.max(symmetricEigen(product).values[n - 1], 0));
}

/**
 * Model complexity s_K(N) = sum_ij (sqrt(K) (K + lambda I)^-2 sqrt(K))_ij y_i y_j of a kernel matrix scaled to trace N; y^T K^-1 y
 * without regularisation. The prediction error of kernel regression on these labels is bounded by a multiple of sqrt(s / N)
 * (Huang et al. 2021, eq. 4).
 *
 * @param K [N, N] symmetric.
 * @param y N real values to learn, usually +-1.
 */
export function modelComplexity(K: MatrixLike, y: ArrayLike<number>, options: RegularizationOptions = {}): number {
  const where = 'modelComplexity';
  rejectUnknownKeys(options, ['regularization'], where);
  const lambda = numberBetween(options.regularization ?? 0, 'regularization', where, 0, Number.MAX_VALUE);
  const matrix = readSymmetric(K, 'K', where);
  const n = matrix.shape[0];
  if (y?.length !== n) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `${where}: y has ${y?.length} entries, K has ${n} rows`);
  }
  const { values, vectors }: Eigen = symmetricEigen(unitTrace(matrix, 'K', where));
  checkInvertible(values, lambda, 'K', where);
  const along = vectors.transpose().mmul(Dense.columnVector(Array.from(y)));
  return values.reduce((sum, w, k) => sum + Math.max(w, 0) * (along.get(k, 0) / (w + lambda || 1)) ** 2, 0);
}

function unitTrace(matrix: Matrix, name: string, where: string): Dense {
  const result = dense(matrix);
  const trace = result.trace();
  if (!(trace > 0)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: ${name} must have a positive trace, got ${trace}`);
  }
  return result.mul(result.rows / trace);
}

function checkInvertible(values: Float64Array, lambda: number, name: string, where: string): void {
  const largest = values[values.length - 1];
  if (lambda === 0 && values[0] <= SINGULAR * largest) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: ${name} is singular (smallest eigenvalue ${values[0].toExponential(1)}); give regularization > 0`,
    );
  }
}
