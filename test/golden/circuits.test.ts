// The circuits of the maps and of every gate of the builder, run by the slow oracle, against the amplitudes of Qiskit,
// PennyLane and sQUlearn (test/fixtures/make_kernels.py), global phase included.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FeatureMapSpec, featureMap } from 'qrkd';
import { runCircuit } from '../oracle.js';
import { assertClose, readFixture } from './fixtures.js';

interface Case {
  name: string;
  spec: FeatureMapSpec;
  parameters?: number[];
  x: number[];
  states?: { rows: number; real: number[]; imag: number[] };
}

const { cases } = readFixture<{ cases: Case[] }>('kernels.json');

describe('golden circuits', () => {
  for (const { name, spec, parameters = [], x, states } of cases) {
    if (!states || spec.type === 'amplitude') continue;
    it(name, () => {
      const map = featureMap(spec);
      assert.equal(map.parameters, parameters.length);
      const circuit = map.circuit!.toJSON();
      const { rows, real, imag } = states;
      for (let row = 0; row < rows; row++) {
        const part = (values: number[]) => values.slice((row * real.length) / rows, ((row + 1) * real.length) / rows);
        const state = runCircuit(circuit, x.slice(row * map.features, (row + 1) * map.features), parameters);
        assertClose(state.re, part(real), 2e-14, `row ${row}, real part`);
        assertClose(state.im, part(imag), 2e-14, `row ${row}, imaginary part`);
      }
    });
  }
});
