import { Matrix as DenseMatrix, EigenvalueDecomposition } from 'ml-matrix';
import seedrandom from 'seedrandom';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';

/** An affine map of features, y = (x - mean) A, that brings them to the width that a kernel takes. */
export interface Projection {
  /** One number for each feature that comes in. */
  mean: Float64Array;
  /** A, [features in, features out], with orthonormal columns. */
  matrix: Matrix<Float64Array>;
}

function checkWidth(width: number, components: number, where: string): void {
  if (!Number.isInteger(components) || components < 1 || components > width) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: components must be a whole number from 1 to the ${width} features given, got ${components}`,
    );
  }
}

/**
 * The first principal components of a set of features: eigenvectors of their covariance, in float64, largest variance
 * first. The sign of each is fixed (its largest entry is positive), so that equal features give equal projections.
 *
 * @param features [N, f], all of the training features, so that every batch is projected alike.
 * @param components how many to keep, 1 to f.
 */
export function pcaProjection(features: Matrix, components: number): Projection {
  const [n, f] = features.shape;
  checkWidth(f, components, 'pcaProjection');
  const mean = new Float64Array(f);
  for (let i = 0; i < n; i++) for (let k = 0; k < f; k++) mean[k] += features.data[i * f + k] / n;
  const covariance = DenseMatrix.zeros(f, f);
  const row = new Float64Array(f);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < f; k++) row[k] = features.data[i * f + k] - mean[k];
    for (let k = 0; k < f; k++)
      for (let l = 0; l <= k; l++) covariance.set(k, l, covariance.get(k, l) + (row[k] * row[l]) / n);
  }
  for (let k = 0; k < f; k++) for (let l = 0; l < k; l++) covariance.set(l, k, covariance.get(k, l));
  const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  const order = realEigenvalues.map((value, index) => ({ value, index })).sort((a, b) => b.value - a.value);
  const data = new Float64Array(f * components);
  for (let c = 0; c < components; c++) {
    const vector = eigenvectorMatrix.getColumn(order[c].index);
    const largest = vector.reduce((best, v) => (Math.abs(v) > Math.abs(best) ? v : best), 0);
    for (let k = 0; k < f; k++) data[k * components + c] = largest < 0 ? -vector[k] : vector[k];
  }
  return { mean, matrix: { data, shape: [f, components] } };
}

/**
 * A fixed random projection with orthonormal columns: Gaussian columns from a seed, made orthonormal in order
 * (Gram-Schmidt, applied twice). Every input feature takes part in every output.
 *
 * @param width features in.
 * @param components features out, 1 to `width`.
 */
export function orthogonalProjection(width: number, components: number, seed: number | string = 0): Projection {
  checkWidth(width, components, 'orthogonalProjection');
  const random = seedrandom(`qrkd-projection-${seed}`);
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const columns: Float64Array[] = [];
  while (columns.length < components) {
    const column = Float64Array.from({ length: width }, gaussian);
    // One pass leaves an error of the order of the cancellation; the second brings it to rounding.
    for (const other of [...columns, ...columns]) {
      const along = other.reduce((sum, v, k) => sum + v * column[k], 0);
      for (let k = 0; k < width; k++) column[k] -= along * other[k];
    }
    const norm = Math.hypot(...column);
    columns.push(column.map((v) => v / norm));
  }
  const data = new Float64Array(width * components);
  for (let c = 0; c < components; c++) for (let k = 0; k < width; k++) data[k * components + c] = columns[c][k];
  return { mean: new Float64Array(width), matrix: { data, shape: [width, components] } };
}

/** (x - mean) A, float64 [N, features out]. */
export function project(x: Matrix, { mean, matrix }: Projection): Matrix<Float64Array> {
  const [n, f] = x.shape;
  const [width, components] = matrix.shape;
  if (f !== width) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `projection: made for ${width} features, got ${f}`);
  }
  const data = new Float64Array(n * components);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < f; k++) {
      const v = x.data[i * f + k] - mean[k];
      for (let c = 0; c < components; c++) data[i * components + c] += v * matrix.data[k * components + c];
    }
  }
  return { data, shape: [n, components] };
}

/** The gradient of {@link project}: g A^T, float64 [N, features in]. */
export function projectGradient(g: Matrix, { matrix }: Projection): Matrix<Float64Array> {
  const n = g.shape[0];
  const [f, components] = matrix.shape;
  const data = new Float64Array(n * f);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < f; k++) {
      let sum = 0;
      for (let c = 0; c < components; c++) sum += g.data[i * components + c] * matrix.data[k * components + c];
      data[i * f + k] = sum;
    }
  }
  return { data, shape: [n, f] };
}
