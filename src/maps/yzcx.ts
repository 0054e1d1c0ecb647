import { feature, parameter } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { finiteNumber, MAX_STATE_QUBITS, type MapDefinition, positiveInteger } from './definition.js';
import { everyFeatureUsed } from './hubregtsen.js';

export interface YZCXSpec {
  type: 'yzcx';
  features: number;
  /** As many as features by default. */
  qubits?: number;
  layers?: number;
  bandwidth?: number;
}

/**
 * Three qubits; odd layers have their CNOTs one qubit further on:
 *
 *     q0: ─RY(p0 + x0)─RZ(p1 + x0)─■─⊕─
 *     q1: ─RY(p2 + x1)─RZ(p3 + x1)─⊕─│─
 *     q2: ─RY(p4 + x2)─RZ(p5 + x2)───■─
 */
export const yzcx: MapDefinition<YZCXSpec> = {
  type: 'yzcx',
  summary: 'trainable: Y and Z rotations by feature plus parameter, CNOTs of alternating neighbours',
  formula:
    'layers times { RY(p + x_i) RZ(p + x_i) on every qubit; CX of every second pair of neighbours in a ring, from qubit 0 in even and 1 in odd layers }, i = layer * qubits + qubit modulo features; x -> bandwidth x first',
  source: 'Haug, Self and Kim, Mach. Learn.: Sci. Technol. 4, 015005 (2023), arXiv 2108.01039; sQUlearn YZ_CX',
  defaults: { features: undefined, qubits: undefined, layers: 2, bandwidth: 1 },
  derived: ({ features }) => ({ qubits: features }),
  check({ features, qubits, layers, bandwidth }) {
    positiveInteger('yzcx', 'features', features);
    positiveInteger('yzcx', 'qubits', qubits, MAX_STATE_QUBITS);
    positiveInteger('yzcx', 'layers', layers, 1000);
    finiteNumber('yzcx', 'bandwidth', bandwidth);
    everyFeatureUsed('yzcx', features, qubits!, layers!);
  },
  qubits: ({ qubits }) => qubits!,
  circuit({ features, qubits, layers }) {
    const result = new Circuit(qubits!, { features });
    for (let layer = 0; layer < layers!; layer++) {
      for (let q = 0; q < qubits!; q++) {
        const x = feature((layer * qubits! + q) % features);
        result.ry(parameter(result.parameters).plus(x), q);
        result.rz(parameter(result.parameters).plus(x), q);
      }
      for (let q = layer % 2; qubits! > 1 && q < qubits!; q += 2) result.cx(q, (q + 1) % qubits!);
    }
    return result;
  },
};
