/** Random matrices from a seed, and what the engine's tests often say about numbers and errors. */
import assert from 'node:assert/strict';
import { type FeatureMapSpec, FidelityKernel, featureMap, type Matrix, type Precision } from 'qrkd';
import seedrandom from 'seedrandom';
import { type MapSpec, TEST_PARAMETERS } from './oracle.js';

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

/** A map of every kind: repeated and single circuits, trainable ones, product states, plain vectors; odd and even widths. */
export const MAPS: MapSpec[] = [
  { type: 'zz', features: 4, bandwidth: 0.4 },
  { type: 'zz', features: 5, reps: 1, entanglement: 'linear' },
  { type: 'zz', features: 3, reps: 3, entanglement: 'circular', alpha: 0.7 },
  { type: 'z', features: 5, reps: 3, alpha: 0.9 },
  { type: 'iqp', features: 4 },
  { type: 'iqp', features: 3, repeats: 3, bandwidth: 0.8 },
  { type: 'angle', features: 6 },
  { type: 'angle', features: 3, axis: 'Y', bandwidth: 1.3 },
  { type: 'pauli', features: 3, paulis: ['Y', 'ZX'], bandwidth: 0.5 },
  { type: 'chebyshev', features: 2, layers: 2, bandwidth: 0.2 },
  { type: 'chebyshev', features: 3, degree: 3, alpha: 1, bandwidth: 0.2 },
  { type: 'hardwareEfficient', features: 5, qubits: 3 },
  { type: 'dataReuploading', features: 4, qubits: 3, layers: 3, bandwidth: 0.3 },
  { type: 'hubregtsen', features: 3, bandwidth: 0.7 },
  { type: 'yzcx', features: 5, qubits: 4 },
  { type: 'qaoa', features: 3, qubits: 4, layers: 2 },
  { type: 'amplitude', features: 5 },
];

/** The kernel of a map, with the parameters that the oracle takes, too. */
export function fidelityKernel(spec: FeatureMapSpec, precision: Precision = 'float64'): FidelityKernel {
  const map = featureMap(spec);
  const kernel = new FidelityKernel(map, { precision });
  kernel.parameters.set(map.initialParameters(TEST_PARAMETERS));
  return kernel;
}

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
