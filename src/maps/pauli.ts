import { type AngleExpression, feature } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { describe, QrkdRangeError, QrkdTypeError } from '../errors.js';
import { finiteNumber, MAX_STATE_QUBITS, type MapDefinition, positiveInteger } from './definition.js';
import { type BlockEntanglement, checkBlocks, entangledBlocks } from './entanglement.js';

export interface PauliSpec {
  type: 'pauli';
  features: number;
  /** Strings of I, X, Y, Z; of `ZX` on the qubits (i, j), X acts on i: they are read from right to left. */
  paulis?: string[];
  reps?: number;
  /** A pattern, or blocks of qubits; a string of k letters takes the blocks of k qubits. */
  entanglement?: BlockEntanglement;
  alpha?: number;
  bandwidth?: number;
}

/**
 * Two features, paulis ['Z', 'XX'], one repetition:
 *
 *     q0: ─H─P(αx0)─H─■───────────────────■─H─
 *     q1: ─H─P(αx1)─H─⊕─P(α(π-x0)(π-x1))──⊕─H─
 */
export const pauli: MapDefinition<PauliSpec> = {
  type: 'pauli',
  summary: 'phases of any Pauli strings (Qiskit PauliFeatureMap)',
  formula:
    'reps times { H on all; for each string S of k letters and each block of k qubits, exp(-i phi S / 2) up to phase }, phi = alpha x_i for k = 1, else alpha prod(pi - x_j); x -> bandwidth x first',
  source: 'Havlicek et al., Nature 567, 209 (2019), arXiv 1804.11326; Qiskit PauliFeatureMap',
  defaults: { features: undefined, paulis: ['Z', 'ZZ'], reps: 2, entanglement: 'full', alpha: 2, bandwidth: 1 },
  check({ features, paulis, reps, entanglement, alpha, bandwidth }) {
    positiveInteger('pauli', 'features', features, MAX_STATE_QUBITS);
    checkPaulis(paulis, features);
    positiveInteger('pauli', 'reps', reps, 1000);
    finiteNumber('pauli', 'alpha', alpha);
    finiteNumber('pauli', 'bandwidth', bandwidth);
    const sizes = [...new Set(paulis!.map((letters) => letters.length))];
    checkBlocks('pauli', entanglement, features, sizes);
  },
  qubits: ({ features }) => features,
  circuit({ features, paulis, reps, entanglement, alpha }) {
    const result = new Circuit(features, { features });
    for (let rep = 0; rep < reps!; rep++) {
      for (let q = 0; q < features; q++) result.h(q);
      for (const letters of paulis!) {
        for (const block of entangledBlocks(entanglement!, features, letters.length, rep)) {
          pauliPhase(result, letters, phase(block, alpha!), block);
        }
      }
    }
    return result;
  },
};

/** alpha x_i, or alpha prod(pi - x_j) for two or more. */
export function phase(block: readonly number[], alpha: number): AngleExpression {
  if (block.length === 1) return feature(block[0]).times(alpha);
  return block
    .map((i) => feature(i).negate().plus(Math.PI))
    .reduce((product, factor) => product.times(factor))
    .times(alpha);
}

/**
 * e^{i angle} on the eigenspace -1 of a Pauli string, by Qiskit's gates: into the eigenbasis, the parity onto the last
 * qubit, P, and back. A string of I alone does nothing.
 */
export function pauliPhase(circuit: Circuit, letters: string, angle: AngleExpression, block: readonly number[]): void {
  const letterOf = (k: number) => letters[letters.length - 1 - k];
  const active = block.filter((_, k) => letterOf(k) !== 'I');
  if (active.length === 0) return;
  const frame = block.map((qubit, k) => ({ qubit, letter: letterOf(k) }));
  for (const { qubit, letter } of frame) {
    if (letter === 'Y') circuit.sdg(qubit);
    if (letter === 'X' || letter === 'Y') circuit.h(qubit);
  }
  for (let k = 1; k < active.length; k++) circuit.cx(active[k - 1], active[k]);
  circuit.p(angle, active.at(-1)!);
  for (let k = active.length - 1; k > 0; k--) circuit.cx(active[k - 1], active[k]);
  for (const { qubit, letter } of frame) {
    if (letter === 'X' || letter === 'Y') circuit.h(qubit);
    if (letter === 'Y') circuit.s(qubit);
  }
}

function checkPaulis(paulis: unknown, features: number): void {
  if (!Array.isArray(paulis) || paulis.length === 0) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `pauli: paulis must be a list of strings such as ["Z", "ZZ"], got ${describe(paulis)}`,
    );
  }
  for (const letters of paulis) {
    if (typeof letters !== 'string' || !/^[IXYZ]+$/.test(letters)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `pauli: paulis must be strings of the letters I, X, Y, Z, got ${describe(letters)}`,
      );
    }
    if (letters.length > features) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `pauli: "${letters}" needs ${letters.length} qubits, there are ${features}; use shorter strings or more features`,
      );
    }
  }
}
