import { Circuit } from '../circuits/circuit.js';
import { QrkdRangeError } from '../errors.js';
import { finiteNumber, MAX_STATE_QUBITS, type MapDefinition, positiveInteger } from './definition.js';
import { checkEntanglement, type Entanglement, entangledBlocks } from './entanglement.js';
import { pauliPhase, phase } from './pauli.js';

export interface ZZSpec {
  type: 'zz';
  features: number;
  reps?: number;
  entanglement?: Entanglement;
  alpha?: number;
  bandwidth?: number;
}

/**
 * Two features, one repetition:
 *
 *     q0: ─H─P(αx0)─■───────────────────■─
 *     q1: ─H─P(αx1)─⊕─P(α(π-x0)(π-x1))──⊕─
 */
export const zz: MapDefinition<ZZSpec> = {
  type: 'zz',
  summary: 'second-order phases with entanglement (Qiskit ZZFeatureMap)',
  formula:
    'reps times { H on all; P(alpha x_i) on each qubit; P(alpha (pi - x_i)(pi - x_j)) on the parity of each entangled pair }, x -> bandwidth x first',
  source: 'Havlicek et al., Nature 567, 209 (2019), arXiv 1804.11326; Qiskit ZZFeatureMap',
  defaults: { features: undefined, reps: 2, entanglement: 'full', alpha: 2, bandwidth: 1 },
  check({ features, reps, entanglement, alpha, bandwidth }) {
    positiveInteger('zz', 'features', features, MAX_STATE_QUBITS);
    if (features === 1) throw new QrkdRangeError('ERR_QRKD_VALUE', 'zz: needs at least 2 features; for 1 use type "z"');
    positiveInteger('zz', 'reps', reps, 1000);
    finiteNumber('zz', 'alpha', alpha);
    finiteNumber('zz', 'bandwidth', bandwidth);
    checkEntanglement('zz', entanglement, features);
  },
  qubits: ({ features }) => features,
  circuit({ features, reps, entanglement, alpha }) {
    const result = new Circuit(features, { features });
    for (let rep = 0; rep < reps!; rep++) {
      for (let q = 0; q < features; q++) result.h(q);
      for (let q = 0; q < features; q++) result.p(phase([q], alpha!), q);
      for (const pair of entangledBlocks(entanglement!, features, 2, rep)) {
        pauliPhase(result, 'ZZ', phase(pair, alpha!), pair);
      }
    }
    return result;
  },
};
