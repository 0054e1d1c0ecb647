// OpenQASM against Qiskit: its texts mean the same states here, and our texts mean the same states there.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Circuit } from 'qrkd';
import { runCircuit } from '../oracle.js';
import { readFixture } from './fixtures.js';
import { caseText, QASM_CASES } from './qasmCases.js';

interface Entry {
  name: string;
  text: string;
  x: number[];
  parameters: number[];
  state: [re: number, im: number][];
}
const fixture = readFixture<{ exported: Entry[]; written: Entry[] }>('qasm.json');

/** The largest difference of an amplitude, global phase included. */
function difference(circuit: Circuit, { x, parameters, state }: Entry): number {
  const { re, im } = runCircuit(circuit.toJSON(), x, parameters);
  assert.equal(re.length, state.length);
  return Math.max(...state.map(([a, b], k) => Math.hypot(re[k] - a, im[k] - b)));
}

describe('OpenQASM and Qiskit', () => {
  for (const entry of fixture.exported) {
    it(`reads what Qiskit reads: ${entry.name}`, () => {
      const circuit = Circuit.fromQasm(entry.text);
      assert.deepEqual([circuit.features, circuit.parameters], [entry.x.length, entry.parameters.length]);
      const worst = difference(circuit, entry);
      assert.ok(worst < 1e-12, `off by ${worst}`);
    });
  }

  for (const [k, one] of QASM_CASES.entries()) {
    const entry = fixture.written[k];
    it(`writes what Qiskit reads: ${entry.name}`, () => {
      assert.equal(caseText(one), entry.text, 'the text is no longer the one that Qiskit has read');
      const bound = { ...entry, x: one.bound ? [] : entry.x, parameters: one.bound ? [] : entry.parameters };
      for (const [circuit, values] of [
        [one.circuit, entry],
        [Circuit.fromQasm(entry.text), bound],
      ] as const) {
        const worst = difference(circuit, values);
        assert.ok(worst < 1e-12, `off by ${worst}`);
      }
    });
  }
});
