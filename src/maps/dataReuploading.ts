import { type Angle, feature, parameter } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { finiteNumber, MAX_STATE_QUBITS, type MapDefinition, positiveInteger } from './definition.js';
import { checkEntanglement, type Entanglement, entangledBlocks } from './entanglement.js';

export interface DataReuploadingSpec {
  type: 'dataReuploading';
  features: number;
  /** As many as features by default; every qubit takes all features. */
  qubits?: number;
  layers?: number;
  entanglement?: Entanglement;
  bandwidth?: number;
}

/**
 * Two qubits, one of the layers, three features; three further features are three further rotations:
 *
 *     q0: ─RZ(p0 + p1 x0)─RY(p2 + p3 x1)─RZ(p4 + p5 x2)───■─
 *     q1: ─RZ(p6 + p7 x0)─RY(p8 + p9 x1)─RZ(p10 + p11 x2)─■─
 */
export const dataReuploading: MapDefinition<DataReuploadingSpec> = {
  type: 'dataReuploading',
  summary: 'trainable: every layer rotates every qubit by all features, weighted and shifted by parameters',
  formula:
    'layers times { on every qubit RZ RY RZ by p + p x_i, three features at a time (p alone where none is left); CZ on the entangled pairs, not after the last layer }, x -> bandwidth x first',
  source: 'Perez-Salinas et al., Quantum 4, 226 (2020), arXiv 1907.02085',
  defaults: { features: undefined, qubits: undefined, layers: 2, entanglement: 'circular', bandwidth: 1 },
  derived: ({ features }) => ({ qubits: features }),
  check({ features, qubits, layers, entanglement, bandwidth }) {
    positiveInteger('dataReuploading', 'features', features);
    positiveInteger('dataReuploading', 'qubits', qubits, MAX_STATE_QUBITS);
    positiveInteger('dataReuploading', 'layers', layers, 1000);
    finiteNumber('dataReuploading', 'bandwidth', bandwidth);
    checkEntanglement('dataReuploading', entanglement, qubits!);
  },
  qubits: ({ qubits }) => qubits!,
  circuit({ features, qubits, layers, entanglement }) {
    const result = new Circuit(qubits!, { features });
    let next = 0;
    const angle = (i: number): Angle => {
      const shift = parameter(next++);
      return i < features ? shift.plus(parameter(next++).times(feature(i))) : shift;
    };
    for (let layer = 0; layer < layers!; layer++) {
      for (let q = 0; q < qubits!; q++) {
        for (let i = 0; i < features; i += 3)
          result
            .rz(angle(i), q)
            .ry(angle(i + 1), q)
            .rz(angle(i + 2), q);
      }
      if (layer === layers! - 1) break;
      for (const [a, b] of entangledBlocks(entanglement!, qubits!, 2, layer)) result.cz(a, b);
    }
    return result;
  },
};
