import { feature } from '../circuits/angle.js';
import { Circuit } from '../circuits/circuit.js';
import { QrkdRangeError } from '../errors.js';
import {
  finiteNumber,
  MAX_PRODUCT_QUBITS,
  MAX_STATE_QUBITS,
  type MapDefinition,
  positiveInteger,
} from './definition.js';

export interface ChebyshevSpec {
  type: 'chebyshev';
  features: number;
  /** Qubits a feature: the tower 1, 2, ..., degree. */
  degree?: number;
  layers?: number;
  alpha?: number;
  bandwidth?: number;
}

/**
 * One feature, degree 2, two layers:
 *
 *     q0: ─RY(α acos(x0))──■─RY(α acos(x0))──
 *     q1: ─RY(2α acos(x0))─⊕─RY(2α acos(x0))─
 */
export const chebyshev: MapDefinition<ChebyshevSpec> = {
  type: 'chebyshev',
  summary:
    'tower of Chebyshev polynomials: rotations by multiples of acos(x); features from -1 to 1; one layer: closed form',
  formula:
    'layers times { RY(alpha d acos(x_i)) on qubit degree i + d - 1, d = 1 .. degree }, CX of even then odd neighbours between layers; x -> bandwidth x first, which must lie in [-1, 1]',
  source: 'Kyriienko, Paine and Elfving, Phys. Rev. A 103, 052416 (2021), arXiv 2011.10395; sQUlearn ChebyshevTower',
  defaults: { features: undefined, degree: 2, layers: 1, alpha: 2, bandwidth: 1 },
  check({ features, degree, layers, alpha, bandwidth }) {
    positiveInteger('chebyshev', 'features', features, MAX_PRODUCT_QUBITS);
    positiveInteger('chebyshev', 'degree', degree, 1000);
    positiveInteger('chebyshev', 'layers', layers, 1000);
    finiteNumber('chebyshev', 'alpha', alpha);
    finiteNumber('chebyshev', 'bandwidth', bandwidth);
    const most = layers === 1 ? MAX_PRODUCT_QUBITS : MAX_STATE_QUBITS;
    if (features * degree! > most) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `chebyshev: features * degree must be at most ${most} qubits, got ${features * degree!}`,
      );
    }
  },
  qubits: ({ features, degree }) => features * degree!,
  circuit({ features, degree, layers, alpha }) {
    const qubits = features * degree!;
    const result = new Circuit(qubits, { features });
    for (let layer = 0; layer < layers!; layer++) {
      for (let start = 0; layer > 0 && start < 2; start++) {
        for (let q = start; q + 1 < qubits; q += 2) result.cx(q, q + 1);
      }
      for (let q = 0; q < qubits; q++) {
        const d = (q % degree!) + 1;
        result.ry(
          feature(Math.floor(q / degree!))
            .acos()
            .times(alpha! * d),
          q,
        );
      }
    }
    return result;
  },
};
