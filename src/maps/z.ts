import { feature } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { finiteNumber, MAX_PRODUCT_QUBITS, type MapDefinition, positiveInteger } from './definition.js';

export interface ZSpec {
  type: 'z';
  features: number;
  reps?: number;
  alpha?: number;
  bandwidth?: number;
}

/**
 * One repetition, every qubit alike:
 *
 *     qi: ─H─P(αxi)─
 */
export const z: MapDefinition<ZSpec> = {
  type: 'z',
  summary: 'first-order phases without entanglement (Qiskit ZFeatureMap); closed form',
  formula: 'reps times { H on all; P(alpha x_i) on each qubit }, x -> bandwidth x first',
  source: 'Havlicek et al., Nature 567, 209 (2019), arXiv 1804.11326; Qiskit ZFeatureMap',
  defaults: { features: undefined, reps: 2, alpha: 2, bandwidth: 1 },
  check({ features, reps, alpha, bandwidth }) {
    positiveInteger('z', 'features', features, MAX_PRODUCT_QUBITS);
    positiveInteger('z', 'reps', reps, 1000);
    finiteNumber('z', 'alpha', alpha);
    finiteNumber('z', 'bandwidth', bandwidth);
  },
  qubits: ({ features }) => features,
  circuit({ features, reps, alpha }) {
    const result = new Circuit(features, { features });
    const angles = Array.from({ length: features }, (_, i) => feature(i).times(alpha!));
    for (let rep = 0; rep < reps!; rep++) {
      for (let q = 0; q < features; q++) result.h(q).p(angles[q], q);
    }
    return result;
  },
};
