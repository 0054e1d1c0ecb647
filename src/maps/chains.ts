import type { NativeSpec } from '../engine/native.js';
import type { AngleList } from './angles.js';

/** One-qubit gates of product-state maps, in the order of the engine's QubitGate. */
const GATES = ['H', 'P', 'RX', 'RY', 'RZ'] as const;

export type ChainGate = { gate: 'H' } | { gate: Exclude<(typeof GATES)[number], 'H'>; angle: number };

/** A map whose qubits never interact: one chain of gates a qubit. */
export function productSpec(features: number, angles: AngleList, chains: ChainGate[][]): NativeSpec {
  const gates = chains.flat();
  const starts = [0];
  for (const chain of chains) starts.push(starts.at(-1)! + chain.length);
  return {
    kind: 'product',
    features,
    map: angles.native(),
    chainStarts: Int32Array.from(starts),
    gateKinds: Int32Array.from(gates, (g) => GATES.indexOf(g.gate)),
    gateAngles: Int32Array.from(gates, (g) => ('angle' in g ? g.angle : -1)),
  };
}
