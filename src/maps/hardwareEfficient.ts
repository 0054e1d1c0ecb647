import { feature, parameter } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { finiteNumber, MAX_STATE_QUBITS, type MapDefinition, positiveInteger } from './definition.js';
import { checkEntanglement, type Entanglement, entangledBlocks } from './entanglement.js';

export interface HardwareEfficientSpec {
  type: 'hardwareEfficient';
  features: number;
  /** As many as features by default; more features than qubits go into further blocks. */
  qubits?: number;
  layers?: number;
  entanglement?: Entanglement;
  bandwidth?: number;
}

/**
 * Two qubits, features 0 and 1 of a layer; a block follows for every further two features:
 *
 *     q0: ─RX(x0)─RY(p0)─RZ(p1)─■─
 *     q1: ─RX(x1)─RY(p2)─RZ(p3)─⊕─
 */
export const hardwareEfficient: MapDefinition<HardwareEfficientSpec> = {
  type: 'hardwareEfficient',
  summary: 'trainable: rotations by features, trained rotations, CNOTs; any number of features on any number of qubits',
  formula:
    'layers times, and for each block of `qubits` features: RX(x_i) on the qubits; RY(p) RZ(p) on every qubit; CX on the entangled pairs; x -> bandwidth x first',
  source:
    'Kandala et al., Nature 549, 242 (2017), arXiv 1704.05018 (ansatz); Thanasilp et al., Nat. Commun. 15, 5200 (2024), arXiv 2208.11060 (embedding)',
  defaults: { features: undefined, qubits: undefined, layers: 2, entanglement: 'linear', bandwidth: 1 },
  derived: ({ features }) => ({ qubits: features }),
  check({ features, qubits, layers, entanglement, bandwidth }) {
    positiveInteger('hardwareEfficient', 'features', features);
    positiveInteger('hardwareEfficient', 'qubits', qubits, MAX_STATE_QUBITS);
    positiveInteger('hardwareEfficient', 'layers', layers, 1000);
    finiteNumber('hardwareEfficient', 'bandwidth', bandwidth);
    checkEntanglement('hardwareEfficient', entanglement, qubits!);
  },
  qubits: ({ qubits }) => qubits!,
  circuit({ features, qubits, layers, entanglement }) {
    const result = new Circuit(qubits!, { features });
    const blocks = Math.ceil(features / qubits!);
    for (let step = 0; step < layers! * blocks; step++) {
      for (let q = 0; q < qubits!; q++) {
        const i = (step % blocks) * qubits! + q;
        if (i < features) result.rx(feature(i), q);
        result.ry(parameter(result.parameters), q);
        result.rz(parameter(result.parameters), q);
      }
      for (const [control, target] of entangledBlocks(entanglement!, qubits!, 2, step)) result.cx(control, target);
    }
    return result;
  },
};
