import { feature } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { finiteNumber, MAX_STATE_QUBITS, type MapDefinition, positiveInteger } from './definition.js';
import { entangledBlocks } from './entanglement.js';

export interface IQPSpec {
  type: 'iqp';
  features: number;
  repeats?: number;
  bandwidth?: number;
}

/**
 * Two features, one repetition:
 *
 *     q0: ─H─RZ(x0)─╭ZZ(x0 x1)─
 *     q1: ─H─RZ(x1)─╰──────────
 */
export const iqp: MapDefinition<IQPSpec> = {
  type: 'iqp',
  summary: 'diagonal phases of features and their products (PennyLane IQPEmbedding)',
  formula:
    'repeats times { H on all; RZ(x_i) on each qubit; exp(-i x_i x_j Z Z / 2) on every pair }, x -> bandwidth x first',
  source: 'Havlicek et al., Nature 567, 209 (2019), arXiv 1804.11326; PennyLane IQPEmbedding',
  defaults: { features: undefined, repeats: 1, bandwidth: 1 },
  check({ features, repeats, bandwidth }) {
    positiveInteger('iqp', 'features', features, MAX_STATE_QUBITS);
    positiveInteger('iqp', 'repeats', repeats, 1000);
    finiteNumber('iqp', 'bandwidth', bandwidth);
  },
  qubits: ({ features }) => features,
  circuit({ features, repeats }) {
    const result = new Circuit(features, { features });
    for (let repeat = 0; repeat < repeats!; repeat++) {
      for (let q = 0; q < features; q++) result.h(q);
      for (let q = 0; q < features; q++) result.rz(feature(q), q);
      for (const [i, j] of entangledBlocks('full', features, 2)) result.rzz(feature(i).times(feature(j)), i, j);
    }
    return result;
  },
};
