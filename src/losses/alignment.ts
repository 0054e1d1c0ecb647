import { centerKernel } from '../analysis/alignment.js';
import type { Matrix } from '../engine/types.js';

/**
 * Alignment <K, T> / (|K| |T|) of a kernel matrix with a target, in Frobenius products (Cristianini et al. 2001), or with
 * `centered` that of HKH and HTH, H = 1 - 11^T / N (Cortes, Mohri and Rostamizadeh 2012); and its gradient.
 *
 * Where one of the two matrices is zero (constant, when centred), there is no direction to align: 0, with gradient 0.
 *
 * @param K [N, N]
 * @param T [N, N]
 * @returns value in -1..1, gradient d value / d K [N, N].
 */
export function alignmentGradient(
  K: Matrix,
  T: Matrix,
  centered: boolean,
): { value: number; gradient: Matrix<Float64Array> } {
  const double = ({ data, shape }: Matrix) => ({ data: Float64Array.from(data), shape });
  const a = centered ? centerKernel(double(K)).data : K.data;
  const b = centered ? centerKernel(double(T)).data : T.data;
  let aa = 0;
  let bb = 0;
  let ab = 0;
  for (let k = 0; k < a.length; k++) {
    aa += a[k] * a[k];
    bb += b[k] * b[k];
    ab += a[k] * b[k];
  }
  const gradient = { data: new Float64Array(a.length), shape: K.shape };
  // Centring a constant leaves rounding, not zeros.
  const floor = (1e-14 * a.length) ** 2;
  if (aa <= floor || bb === 0) return { value: 0, gradient };
  const norm = Math.sqrt(aa * bb);
  // Centring is a projection, and both matrices are centred: it needs no further chain rule.
  for (let k = 0; k < a.length; k++) gradient.data[k] = (b[k] - (ab / aa) * a[k]) / norm;
  return { value: ab / norm, gradient };
}
