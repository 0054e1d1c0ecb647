import { type FeatureMapSpec, FidelityKernel, featureMap } from 'qrkd';
import { reuploadingCircuit, samples } from '../../inputs.js';
import { turnOf } from '../../turns.js';
import { type Contender, Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

/** Name, map, and how many times as long as the value the gradient may take besides: less where layers are diagonal. */
const MAPS = (qubits: number): [name: string, map: FeatureMapSpec, atMost: number][] => [
  ['ZZ', { type: 'zz', features: qubits, reps: 2, bandwidth: 0.25 }, 3.5],
  ['IQP', { type: 'iqp', features: qubits, repeats: 2 }, 3.5],
  ['hardware-efficient', { type: 'hardwareEfficient', features: qubits }, 5],
  ['re-uploading', { type: 'circuit', circuit: reuploadingCircuit(qubits, 6).toJSON() }, 5],
];

/** Our own forward pass and gradient, features and parameters, against the value alone. */
export async function forward(context: Context, rows: number, qubits: number): Promise<ContestResult> {
  const maps = MAPS(qubits);
  const x = samples(rows, qubits, 1);
  const dK = samples(rows, rows, 2);
  const precision = 'float32';
  const value = (name: string) => `qrkd, ${name}, value`;
  const both = (name: string) => `qrkd, ${name}, value and gradient`;
  const contenders: Record<string, Contender> = {};
  for (const [name, spec] of maps) {
    const map = featureMap(spec);
    const kernel = new FidelityKernel(map, { precision });
    kernel.parameters.set(map.initialParameters(0));
    contenders[value(name)] = { precision, turn: turnOf(() => kernel.matrix(x)) };
    contenders[both(name)] = { precision, turn: turnOf(() => kernel.gradient(x, dK)) };
  }
  const contest = await Contest.hold(contenders, context.rounds);
  return {
    job: `forward-${rows}-${qubits}`,
    title: `Gradient against value alone: Gram matrix, float32, ${rows} samples, ${qubits} qubits`,
    rounds: context.rounds,
    entries: contest.entries({}),
    claims: maps.map(([name, , atMost]) => ({
      work: `Value and gradient, ${name} map, N = ${rows}, ${qubits} qubits`,
      against: 'our value alone',
      measured: contest.ratio(both(name), value(name)),
      atMost,
      unit: 'x',
    })),
    notes: ['Gradients with respect to all features and parameters.'],
  };
}
