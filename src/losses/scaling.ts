import type { Matrix } from '../engine/types.js';

/** Features after {@link centreAndScale}, with what its gradient needs. */
export interface ScaledFeatures {
  matrix: Matrix<Float64Array>;
  /** d loss / d x for a gradient with respect to `matrix`; the batch's mean and mean distance are part of it. */
  gradient(g: Matrix): Matrix<Float64Array>;
}

/**
 * Centres a batch on its own mean, then multiplies it by one number so that the mean Euclidean distance over its pairs
 * (i < j) is `scale`. A batch whose samples all coincide is only centred.
 *
 * With u = x - mean(x), m = mean |u_i - u_j| and y = (c / m) u, the gradient is
 * dL/du = (c / m) g - (c / m^2) <g, u> dm/du, then its own mean over the batch is taken off; at |u_i - u_j| = 0 the
 * distance's gradient is taken as 0.
 *
 * @param x [N, f].
 * @param scale the mean pairwise distance wanted, above 0.
 */
export function centreAndScale(x: Matrix, scale: number): ScaledFeatures {
  const [n, f] = x.shape;
  const u = Float64Array.from(x.data);
  subtractMean(u, n, f);

  const pairs = (n * (n - 1)) / 2;
  // Direction of the sum of distances, d(sum |u_i - u_j|)/du, is collected in the same pass.
  const direction = new Float64Array(n * f);
  let total = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      let square = 0;
      for (let k = 0; k < f; k++) square += (u[i * f + k] - u[j * f + k]) ** 2;
      const distance = Math.sqrt(square);
      if (distance === 0) continue;
      total += distance;
      for (let k = 0; k < f; k++) {
        const unit = (u[i * f + k] - u[j * f + k]) / distance;
        direction[i * f + k] += unit;
        direction[j * f + k] -= unit;
      }
    }
  }
  const mean = pairs > 0 ? total / pairs : 0;
  const factor = mean > 0 ? scale / mean : 1;

  return {
    matrix: { data: u.map((v) => factor * v), shape: [n, f] },
    gradient(g) {
      const du = Float64Array.from(g.data, (v) => factor * v);
      if (mean > 0) {
        let along = 0;
        for (let k = 0; k < u.length; k++) along += g.data[k] * u[k];
        const pull = (factor / mean / pairs) * along;
        for (let k = 0; k < du.length; k++) du[k] -= pull * direction[k];
      }
      subtractMean(du, n, f);
      return { data: du, shape: [n, f] };
    },
  };
}

function subtractMean(data: Float64Array, n: number, f: number): void {
  for (let k = 0; k < f; k++) {
    let mean = 0;
    for (let i = 0; i < n; i++) mean += data[i * f + k];
    mean /= n;
    for (let i = 0; i < n; i++) data[i * f + k] -= mean;
  }
}
