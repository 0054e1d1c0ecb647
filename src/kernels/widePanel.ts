import type { Precision } from '../engine/types.js';
import type { FeatureMap } from '../maps/index.js';

/** From here on lanes that would be empty take qubits. */
const LEAST_QUBITS = 14;

/**
 * Bytes of a state panel where few samples of many qubits share its lanes, as the engine's laneQubitsFor decides
 * (native/core/schedule.cpp); undefined where every sample has a lane of its own.
 *
 * @param samples of the larger side.
 */
export function widePanelBytes(map: FeatureMap, samples: number, precision: Precision): number | undefined {
  const lanes = precision === 'float32' ? 16 : 8;
  if (map.isProduct || !map.circuit || map.qubits < LEAST_QUBITS || 2 * samples > lanes) return undefined;
  return 2 ** Math.ceil(Math.log2(samples)) * 2 * 2 ** map.qubits * (64 / lanes);
}
