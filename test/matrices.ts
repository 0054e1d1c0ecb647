/** Random matrices from a seed, and what the engine's tests often say about numbers and errors. */
import assert from 'node:assert/strict';
import type { FeatureMapSpec, Matrix } from 'qrkd';
import seedrandom from 'seedrandom';
import type { MapSpec } from './oracle.js';

export interface Matrix64 {
  data: Float64Array;
  shape: [number, number];
}

/** Makes matrices of numbers uniform in -size..size; the same ones for the same seed. */
export function randomMatrices(seed: string): (rows: number, columns: number, size?: number) => Matrix64 {
  const random = seedrandom(seed);
  return (rows, columns, size = 1) => ({
    data: Float64Array.from({ length: rows * columns }, () => size * (2 * random() - 1)),
    shape: [rows, columns],
  });
}

/** A map of every kind: circuits with and without repetitions, product states, plain vectors; odd and even widths. */
export const MAPS: MapSpec[] = [
  { type: 'zz', features: 4, bandwidth: 0.4 },
  { type: 'zz', features: 5, reps: 1, entanglement: 'linear' },
  { type: 'zz', features: 3, reps: 3, entanglement: 'circular', alpha: 0.7 },
  { type: 'z', features: 5, reps: 3, alpha: 0.9 },
  { type: 'iqp', features: 4 },
  { type: 'iqp', features: 3, repeats: 3, bandwidth: 0.8 },
  { type: 'angle', features: 6 },
  { type: 'angle', features: 3, axis: 'Y', bandwidth: 1.3 },
  { type: 'amplitude', features: 5 },
];

export const named = (spec: FeatureMapSpec): string =>
  Object.entries(spec)
    .map(([key, value]) => (key === 'type' ? value : `${key} ${JSON.stringify(value)}`))
    .join(', ');

export const rowsOf = ({ data, shape: [rows, columns] }: Matrix): number[][] =>
  Array.from({ length: rows }, (_, i) => Array.from(data.subarray(i * columns, (i + 1) * columns)));

export function transposed({ data, shape: [rows, columns] }: Matrix): Matrix64 {
  return {
    data: Float64Array.from(data, (_, k) => data[(k % rows) * columns + Math.floor(k / rows)]),
    shape: [columns, rows],
  };
}

/** That `run` throws an error of the class and code given, whose message has every one of `parts`. */
export function assertRefused(
  run: () => unknown,
  type: 'TypeError' | 'RangeError',
  code: string,
  ...parts: (string | RegExp)[]
): void {
  assert.throws(run, (error: Error & { code?: string }) => {
    assert.deepEqual(
      { name: error.name, code: error.code },
      { name: type, code: `ERR_QRKD_${code}` },
      `unexpected error: ${error.stack}`,
    );
    assert.ok(error instanceof (type === 'TypeError' ? TypeError : RangeError));
    for (const part of parts) {
      const found = typeof part === 'string' ? error.message.includes(part) : part.test(error.message);
      assert.ok(found, `"${error.message}" lacks ${part}`);
    }
    return true;
  });
}
