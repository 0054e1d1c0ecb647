import { feature, parameter } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { QrkdRangeError } from '../errors.js';
import { finiteNumber, MAX_STATE_QUBITS, type MapDefinition, positiveInteger } from './definition.js';

export interface HubregtsenSpec {
  type: 'hubregtsen';
  features: number;
  /** As many as features by default. */
  qubits?: number;
  layers?: number;
  bandwidth?: number;
}

/**
 * Three qubits, one layer:
 *
 *     q0: ─H─RZ(x0)─RY(p0)─■────────────────RZ(p5)─
 *     q1: ─H─RZ(x1)─RY(p1)─RZ(p3)─■─────────│──────
 *     q2: ─H─RZ(x2)─RY(p2)────────RZ(p4)────■──────
 */
export const hubregtsen: MapDefinition<HubregtsenSpec> = {
  type: 'hubregtsen',
  summary: 'trainable: the quantum embedding kernel of Hubregtsen et al.; features run on from layer to layer',
  formula:
    'layers times { H, RZ(x_i), RY(p) on every qubit; CRZ(p) from each to the next in a ring (two qubits: once) }, i = layer * qubits + qubit modulo features; x -> bandwidth x first',
  source: 'Hubregtsen et al., Phys. Rev. A 106, 042431 (2022), arXiv 2105.02276',
  defaults: { features: undefined, qubits: undefined, layers: 2, bandwidth: 1 },
  derived: ({ features }) => ({ qubits: features }),
  check({ features, qubits, layers, bandwidth }) {
    positiveInteger('hubregtsen', 'features', features);
    positiveInteger('hubregtsen', 'qubits', qubits, MAX_STATE_QUBITS);
    positiveInteger('hubregtsen', 'layers', layers, 1000);
    finiteNumber('hubregtsen', 'bandwidth', bandwidth);
    everyFeatureUsed('hubregtsen', features, qubits!, layers!);
  },
  qubits: ({ qubits }) => qubits!,
  circuit({ features, qubits, layers }) {
    const result = new Circuit(qubits!, { features });
    const links = qubits! > 2 ? qubits! : qubits! - 1;
    for (let layer = 0; layer < layers!; layer++) {
      for (let q = 0; q < qubits!; q++) {
        result
          .h(q)
          .rz(feature((layer * qubits! + q) % features), q)
          .ry(parameter(result.parameters), q);
      }
      for (let q = 0; q < links; q++) result.crz(parameter(result.parameters), q, (q + 1) % qubits!);
    }
    return result;
  },
};

/** Throws where a map that takes one feature a qubit and layer has too few of these for all features. */
export function everyFeatureUsed(map: string, features: number, qubits: number, layers: number): void {
  if (qubits * layers >= features) return;
  throw new QrkdRangeError(
    'ERR_QRKD_VALUE',
    `${map}: ${layers} layers of ${qubits} qubits take ${qubits * layers} features, got ${features}; use ${Math.ceil(features / qubits)} layers`,
  );
}
