import type { Matrix } from 'qrkd';

/** `count` numbers in [0, 1) on a grid of 1/256 (equal in float32 and float64); bench/peers/contest.py makes the same. */
export function uniform(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 24) / 256;
  });
}

/** A float32 matrix of such numbers. */
export function samples(rows: number, columns: number, seed: number): Matrix<Float32Array> {
  return { data: Float32Array.from(uniform(rows * columns, seed)), shape: [rows, columns] };
}
