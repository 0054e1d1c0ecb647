// Noise in closed form against PennyLane's density matrices, and its mitigation against PennyLane's.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  applyNoise,
  type DepolarizingMethod,
  type FeatureMapSpec,
  mitigateDepolarizing,
  mitigateReadout,
  type NoiseOptions,
} from 'qrkd';
import { assertClose, readFixture } from '../../golden/fixtures.js';
import { assertRefused } from '../../matrices.js';

const fixture = readFixture<{
  noise: {
    spec: FeatureMapSpec & { features: number };
    k: number[];
    noisy: { noise: NoiseOptions; k: number[]; kxy: number[] }[];
  }[];
  mitigation: {
    n: number;
    qubits: number;
    k: number[];
    results: { method: DepolarizingMethod; entries?: number[]; k: number[] }[];
  };
}>('analysis.json');

const square = (values: number[]) => {
  const n = Math.sqrt(values.length);
  return { data: Float64Array.from(values), shape: [n, n] as [number, number] };
};
const diagonal = (values: ArrayLike<number>) => {
  const n = Math.sqrt(values.length);
  return Array.from({ length: n }, (_, i) => values[i * n + i]!);
};

describe('applyNoise', () => {
  for (const { spec, k, noisy } of fixture.noise) {
    const qubits = spec.features;
    for (const { noise, k: expected } of noisy) {
      it(`${spec.type}, ${JSON.stringify(noise)}`, () => {
        const { data } = applyNoise(square(k), { ...noise, qubits });
        // The diagonal and what depolarisation does are exact for any circuit.
        assertClose(diagonal(data), diagonal(expected), 1e-12, 'diagonal');
        if (!noise.readout) assertClose(data, expected, 1e-12, 'matrix');
        else {
          // Wrong outcomes with few ones are read as 0...0 more often than the mean of all.
          const { meas1prep0, meas0prep1 } =
            typeof noise.readout === 'number'
              ? { meas1prep0: noise.readout, meas0prep1: noise.readout }
              : noise.readout;
          assertClose(data, expected, (1 - meas1prep0) ** (qubits - 1) * meas0prep1, "within the model's bound");
        }
      });
      it(`${spec.type}, ${JSON.stringify(noise)}: undone`, () => {
        const { data } = applyNoise(square(k), { ...noise, qubits });
        let result = { data, shape: square(k).shape };
        if (noise.readout) result = mitigateReadout(result, { qubits, readout: noise.readout }) as typeof result;
        if (!noise.depolarizing) return assertClose(result.data, k, 1e-12, 'readout');
        for (const method of ['single', 'average', 'split_channel'] as const) {
          assertClose(mitigateDepolarizing(result, { qubits, method }).data, k, 1e-12, method);
        }
      });
    }
  }

  it('goes to the maximally mixed state for full strength and for many layers', () => {
    const K = [[1, 0.3]];
    assertClose(applyNoise(K, { qubits: 4, depolarizing: 1 }).data, [1 / 16, 1 / 16], 0, 'p = 1');
    assertClose(applyNoise(K, { qubits: 4, depolarizing: 0.5, layers: 200 }).data, [1 / 16, 1 / 16], 1e-15, 'layers');
    assertClose(applyNoise(K, { qubits: 2000, depolarizing: 0.5 }).data, [0.5, 0.15], 1e-15, '2,000 qubits');
  });

  it('refuses what it cannot use', () => {
    const K = [[1]];
    assertRefused(() => applyNoise(K, { qubits: 2, depolarizing: 1.1 }), 'RangeError', 'VALUE', 'depolarizing', '1.1');
    assertRefused(() => applyNoise(K, { qubits: 0 }), 'RangeError', 'VALUE', 'qubits');
    assertRefused(() => applyNoise(K, { qubits: 2, readout: 0.7 }), 'RangeError', 'VALUE', 'readout');
    assertRefused(() => applyNoise(K, { qubits: 2, readout: { meas1prep0: 0.1 } as never }), 'TypeError', 'TYPE');
    assertRefused(() => applyNoise(K, { qubits: 2, readout: 'x' as never }), 'TypeError', 'TYPE', 'meas1prep0');
    assertRefused(() => applyNoise(K, { qubits: 2, depolarising: 0.1 } as never), 'TypeError', 'UNKNOWN_KEY');
    assertRefused(() => mitigateReadout(K, { qubits: 1, readout: 0.5 }), 'RangeError', 'VALUE', 'nothing to tell');
  });
});

describe('mitigateDepolarizing', () => {
  const { k, qubits, results } = fixture.mitigation;
  for (const { method, entries, k: expected } of results) {
    it(`${method}${entries ? `, entries ${entries}` : ''}: PennyLane's values`, () => {
      const options = { qubits, method, ...(entries && { entries }) };
      assertClose(mitigateDepolarizing(square(k), options).data, expected, 1e-13, method);
    });
  }
  it('keeps float32', () => {
    const K = { data: Float32Array.from(k), shape: square(k).shape };
    assert.ok(mitigateDepolarizing(K, { qubits, method: 'average' }).data instanceof Float32Array);
  });
  it('refuses what it cannot use', () => {
    const K = square(k);
    const noise = [
      [0.125, 0.1],
      [0.1, 0.125],
    ];
    for (const method of ['single', 'average', 'split_channel'] as const) {
      assertRefused(() => mitigateDepolarizing(noise, { qubits: 3, method }), 'RangeError', 'VALUE', 'noise alone');
    }
    assertRefused(() => mitigateDepolarizing(K, { qubits, method: 'mean' as never }), 'RangeError', 'VALUE', 'average');
    const [single, split] = ['single', 'split_channel'] as const;
    assertRefused(() => mitigateDepolarizing(K, { qubits, method: single, entries: [1, 2] }), 'RangeError', 'VALUE');
    assertRefused(
      () => mitigateDepolarizing(K, { qubits, method: single, entries: [6] }),
      'RangeError',
      'VALUE',
      '0 to 5',
    );
    assertRefused(() => mitigateDepolarizing(K, { qubits, method: split, entries: [1] }), 'RangeError', 'VALUE');
    assertRefused(() => mitigateDepolarizing([[1, 2]], { qubits, method: single }), 'RangeError', 'SHAPE', 'square');
  });
});
