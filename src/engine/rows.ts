import type { Matrix } from './types.js';

/** The rows of a matrix at `rows`, in that order, as a matrix of the same element type. */
export function takeRows({ data, shape: [, width] }: Matrix, rows: ArrayLike<number>): Matrix {
  const length = rows.length * width;
  const out = data instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
  for (let i = 0; i < rows.length; i++) out.set(data.subarray(rows[i] * width, (rows[i] + 1) * width), i * width);
  return { data: out, shape: [rows.length, width] };
}
