import { feature } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { finiteNumber, MAX_PRODUCT_QUBITS, type MapDefinition, oneOf, positiveInteger } from './definition.js';

export interface AngleSpec {
  type: 'angle';
  features: number;
  axis?: 'X' | 'Y' | 'Z';
  bandwidth?: number;
}

/**
 * Every qubit alike:
 *
 *     qi: ─RX(xi)─
 */
export const angle: MapDefinition<AngleSpec> = {
  type: 'angle',
  summary:
    'one rotation a feature (PennyLane AngleEmbedding); closed form, K = prod cos^2((x_i - y_i) / 2) for X and Y',
  formula: 'R_axis(x_i) on each qubit, x -> bandwidth x first; axis Z leaves |0...0> as it is, so K = 1',
  source: 'Schuld and Petruccione, Supervised Learning with Quantum Computers (2018); PennyLane AngleEmbedding',
  defaults: { features: undefined, axis: 'X', bandwidth: 1 },
  check({ features, axis, bandwidth }) {
    positiveInteger('angle', 'features', features, MAX_PRODUCT_QUBITS);
    oneOf('angle', 'axis', axis, ['X', 'Y', 'Z']);
    finiteNumber('angle', 'bandwidth', bandwidth);
  },
  qubits: ({ features }) => features,
  circuit({ features, axis }) {
    const result = new Circuit(features, { features });
    const gate = ({ X: 'rx', Y: 'ry', Z: 'rz' } as const)[axis!];
    for (let q = 0; q < features; q++) result[gate](feature(q), q);
    return result;
  },
};
