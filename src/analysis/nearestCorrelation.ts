import { Matrix as Dense } from 'ml-matrix';
import { type Eigen, spectralFunction, symmetricEigen } from './eigen.js';

/** Largest distance of a diagonal entry from 1 at the end; the scaling that follows brings it to 1. */
const TOLERANCE = 1e-10;
const MAX_STEPS = 100;
const MAX_CONJUGATE_STEPS = 200;
/** Sufficient decrease of the line search (Armijo). */
const DECREASE = 1e-4;
const SHORTEST_STEP = 1e-6;

/**
 * The positive semi-definite matrix with ones on the diagonal that is nearest to a symmetric one in the Frobenius norm, by Newton's
 * method on the dual problem, min over y of |(A + diag(y))_+|^2 / 2 - sum(y), whose gradient is diag((A + diag(y))_+) - 1 (Qi and
 * Sun, "A quadratically convergent Newton method for computing the nearest correlation matrix", SIAM J. Matrix Anal. Appl.
 * 28, 2006). Newton's equations are solved by conjugate gradients with Jacobi's preconditioner (Borsdorf and Higham, IMA
 * J. Numer. Anal. 30, 2010).
 */
export function nearestCorrelation(given: Dense): Dense {
  const n = given.rows;
  let y: Float64Array = Float64Array.from({ length: n }, (_, i) => 1 - given.get(i, i));
  let point = dual(given, y);
  for (let step = 0; step < MAX_STEPS && largest(point.gradient) > TOLERANCE; step++) {
    const direction = newtonDirection(point);
    const slope = dot(point.gradient, direction);
    let length = 1;
    let next = dual(given, along(y, direction, length));
    // Near the solution, differences of the values are rounding; the gradient is what counts then.
    while (
      next.value > point.value + DECREASE * length * slope &&
      largest(next.gradient) >= largest(point.gradient) &&
      length > SHORTEST_STEP
    ) {
      length /= 2;
      next = dual(given, along(y, direction, length));
    }
    if (length <= SHORTEST_STEP) break;
    y = along(y, direction, length);
    point = next;
  }
  const psd = spectralFunction(point.eigen, positive);
  const scale = Array.from({ length: n }, (_, i) => 1 / Math.sqrt(psd.get(i, i)));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) psd.set(i, j, i === j ? 1 : psd.get(i, j) * scale[i] * scale[j]);
  }
  return psd;
}

interface DualPoint {
  eigen: Eigen;
  value: number;
  gradient: Float64Array;
}

const positive = (value: number): number => Math.max(value, 0);

function dual(given: Dense, y: Float64Array): DualPoint {
  const n = given.rows;
  const shifted = given.clone();
  for (let i = 0; i < n; i++) shifted.set(i, i, given.get(i, i) + y[i]);
  const eigen = symmetricEigen(shifted);
  const { values, vectors } = eigen;
  const gradient = new Float64Array(n).fill(-1);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) if (values[k] > 0) gradient[i] += values[k] * vectors.get(i, k) ** 2;
  }
  const half = values.reduce((sum, v) => sum + positive(v) ** 2, 0) / 2;
  return { eigen, value: half - y.reduce((sum, v) => sum + v, 0), gradient };
}

/** Solves V d = -gradient for the generalised Hessian V h = diag(P (W o (P^T diag(h) P)) P^T). */
function newtonDirection({ eigen: { values, vectors }, gradient }: DualPoint): Float64Array {
  const n = values.length;
  const first = values.findIndex((value) => value > 0);
  const upper = vectors.subMatrix(0, n - 1, first, n - 1);
  const upperT = upper.transpose();
  // Rows of W that belong to positive eigenvalues; pairs with others count twice, for both orders.
  const weight = (k: number, l: number) =>
    values[l] > 0 ? 1 : (2 * values[first + k]) / (values[first + k] - values[l]);
  const weigh = (m: Dense) => {
    for (let k = 0; k < m.rows; k++) for (let l = 0; l < n; l++) m.set(k, l, m.get(k, l) * weight(k, l));
    return m;
  };
  const rowProducts = (m: Dense, other: Dense) =>
    Float64Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += m.get(i, l) * other.get(i, l);
      return sum;
    });
  const apply = (h: Float64Array) => {
    const scaled = vectors.clone();
    for (let i = 0; i < n; i++) scaled.mulRow(i, h[i]);
    return rowProducts(upper.mmul(weigh(upperT.mmul(scaled))), vectors);
  };
  const squares = vectors.clone().pow(2);
  const ones = Dense.ones(upper.columns, n);
  const diagonal = rowProducts(upper.clone().pow(2).mmul(weigh(ones)), squares).map((v) => Math.max(v, 1e-8));

  const direction = new Float64Array(n);
  const rest = gradient.map((g) => -g);
  const enough = Math.min(0.1, largest(gradient)) * Math.sqrt(dot(gradient, gradient));
  let preconditioned: Float64Array = rest.map((r, i) => r / diagonal[i]);
  let search: Float64Array = preconditioned.slice();
  let product = dot(rest, preconditioned);
  for (let step = 0; step < MAX_CONJUGATE_STEPS && Math.sqrt(dot(rest, rest)) > enough; step++) {
    const image = apply(search);
    const curvature = dot(search, image);
    if (!(curvature > 0)) break;
    const length = product / curvature;
    for (let i = 0; i < n; i++) {
      direction[i] += length * search[i];
      rest[i] -= length * image[i];
    }
    preconditioned = rest.map((r, i) => r / diagonal[i]);
    const before = product;
    product = dot(rest, preconditioned);
    search = along(preconditioned, search, product / before);
  }
  return direction;
}

function along(start: Float64Array, direction: Float64Array, length: number): Float64Array {
  return start.map((v, i) => v + length * direction[i]);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, v, i) => sum + v * b[i], 0);
}

function largest(values: Float64Array): number {
  return values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}
