import type { Matrix } from '../engine/types.js';

/**
 * The kernel that labels would wish for: 1 for two samples of one class, -1 / (C - 1) for two of different ones, which is
 * y y^T for two classes y = -1, 1.
 *
 * @param classes C; left out, the number of different labels.
 * @returns [N, N]
 */
export function labelKernel(
  labels: ArrayLike<number>,
  classes = new Set(Array.from(labels)).size,
): Matrix<Float64Array> {
  const n = labels.length;
  const different = classes > 1 ? -1 / (classes - 1) : 0;
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) data[i * n + j] = labels[i] === labels[j] ? 1 : different;
  }
  return { data, shape: [n, n] };
}

/**
 * Alignment <K, T> / (|K| |T|) of a kernel matrix with a target, in Frobenius products (Cristianini et al. 2001), or with
 * `centred` that of HKH and HTH, H = 1 - 11^T / N (Cortes, Mohri and Rostamizadeh 2012); and its gradient.
 *
 * Where one of the two matrices is zero (centred: constant), there is no direction to align: 0, with gradient 0.
 *
 * @param K [N, N]
 * @param T [N, N]
 * @returns value in -1..1, gradient d value / d K [N, N].
 */
export function alignmentGradient(
  K: Matrix,
  T: Matrix,
  centred: boolean,
): { value: number; gradient: Matrix<Float64Array> } {
  const a = centred ? centre(K) : K.data;
  const b = centred ? centre(T) : T.data;
  let aa = 0;
  let bb = 0;
  let ab = 0;
  for (let k = 0; k < a.length; k++) {
    aa += a[k] * a[k];
    bb += b[k] * b[k];
    ab += a[k] * b[k];
  }
  const norm = Math.sqrt(aa * bb);
  const gradient = new Float64Array(a.length);
  const shape: [number, number] = [K.shape[0], K.shape[1]];
  if (!(norm > 0)) return { value: norm === 0 ? 0 : Number.NaN, gradient: { data: gradient, shape } };
  // Centring is a projection, and both matrices are centred: it needs no further chain rule.
  for (let k = 0; k < a.length; k++) gradient[k] = (b[k] - (ab / aa) * a[k]) / norm;
  return { value: ab / norm, gradient: { data: gradient, shape } };
}

function centre({ data, shape: [n] }: Matrix): Float64Array {
  const rows = new Float64Array(n);
  const columns = new Float64Array(n);
  let total = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      rows[i] += data[i * n + j] / n;
      columns[j] += data[i * n + j] / n;
    }
    total += rows[i] / n;
  }
  return Float64Array.from(data, (v, k) => v - rows[Math.floor(k / n)] - columns[k % n] + total);
}
