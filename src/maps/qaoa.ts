import { feature, parameter } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { QrkdRangeError } from '../errors.js';
import { finiteNumber, MAX_STATE_QUBITS, type MapDefinition, oneOf, positiveInteger } from './definition.js';

export interface QAOASpec {
  type: 'qaoa';
  features: number;
  /** As many as features by default; further ones start with H. */
  qubits?: number;
  layers?: number;
  localField?: 'X' | 'Y' | 'Z';
  bandwidth?: number;
}

/**
 * Two qubits, one layer:
 *
 *     q0: ─RX(x0)─╭RZZ(p0)─RY(p1)─RX(x0)─
 *     q1: ─RX(x1)─╰────────RY(p2)─RX(x1)─
 */
export const qaoa: MapDefinition<QAOASpec> = {
  type: 'qaoa',
  summary: 'trainable: layers as in QAOA, the features in between (PennyLane QAOAEmbedding)',
  formula:
    'layers times { RX(x_i) on the qubits, H on those without a feature; RZZ(p) in a ring (two qubits: once); R_field(p) on every qubit }, then RX(x_i) and H once more; x -> bandwidth x first',
  source: 'Lloyd et al., Quantum embeddings for machine learning (2020), arXiv 2001.03622; PennyLane QAOAEmbedding',
  defaults: { features: undefined, qubits: undefined, layers: 1, localField: 'Y', bandwidth: 1 },
  derived: ({ features }) => ({ qubits: features }),
  check({ features, qubits, layers, localField, bandwidth }) {
    positiveInteger('qaoa', 'features', features, MAX_STATE_QUBITS);
    positiveInteger('qaoa', 'qubits', qubits, MAX_STATE_QUBITS);
    positiveInteger('qaoa', 'layers', layers, 1000);
    oneOf('qaoa', 'localField', localField, ['X', 'Y', 'Z']);
    finiteNumber('qaoa', 'bandwidth', bandwidth);
    if (qubits! < features) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `qaoa: ${features} features need as many qubits, got ${qubits}`);
    }
  },
  qubits: ({ qubits }) => qubits!,
  circuit({ features, qubits, layers, localField }) {
    const result = new Circuit(qubits!, { features });
    const links = qubits! > 2 ? qubits! : qubits! - 1;
    const field = ({ X: 'rx', Y: 'ry', Z: 'rz' } as const)[localField!];
    const encode = () => {
      for (let q = 0; q < qubits!; q++) {
        if (q < features) result.rx(feature(q), q);
        else result.h(q);
      }
    };
    for (let layer = 0; layer < layers!; layer++) {
      encode();
      for (let q = 0; q < links; q++) result.rzz(parameter(result.parameters), q, (q + 1) % qubits!);
      for (let q = 0; q < qubits!; q++) result[field](parameter(result.parameters), q);
    }
    encode();
    return result;
  },
};
