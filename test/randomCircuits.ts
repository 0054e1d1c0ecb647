/** Random circuits of every gate and every kind of angle, the same for the same seed. */
import { type Angle, type Circuit, circuit, feature, parameter } from 'qrkd';
import seedrandom from 'seedrandom';
import { State } from './oracle.js';

/** Gates of fixed size: number of angles and of qubits. */
export const FIXED_GATES: Record<string, [angles: number, qubits: number]> = {
  ...Object.fromEntries(['h', 'x', 'y', 'z', 's', 'sdg', 't', 'tdg', 'sx', 'sxdg'].map((gate) => [gate, [0, 1]])),
  ...Object.fromEntries(['rx', 'ry', 'rz', 'p'].map((gate) => [gate, [1, 1]])),
  u: [3, 1],
  ...Object.fromEntries(['cx', 'cy', 'cz', 'ch', 'swap'].map((gate) => [gate, [0, 2]])),
  ...Object.fromEntries(['cp', 'crx', 'cry', 'crz', 'rxx', 'ryy', 'rzz'].map((gate) => [gate, [1, 2]])),
  cu: [4, 2],
  ccx: [0, 3],
  cswap: [0, 3],
  gphase: [1, 0],
};

export interface RandomCircuitOptions {
  qubits: number;
  gates: number;
  features?: number;
  parameters?: number;
}

/** Features are meant to lie in [-1, 1], parameters anywhere: arccosines are taken of features alone. */
export function randomCircuit(seed: string, options: RandomCircuitOptions): Circuit {
  const { qubits, gates, features = 3, parameters = 2 } = options;
  const random = seedrandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const number = () => 6 * random() - 3;
  const variable = () => (parameters > 0 && random() < 0.4 ? parameter(below(parameters)) : feature(below(features)));
  const angle = (): Angle => {
    const kinds: (() => Angle)[] = [
      number,
      () => (below(2) ? Math.PI / 2 : -Math.PI),
      variable,
      () => variable().times(number()).plus(number()),
      () => variable().minus(Math.PI).times(variable().negate().plus(Math.PI)),
      () => variable().plus(variable().times(variable())).minus(0.5),
      () => feature(below(features)).times(0.8).plus(0.1).acos().times(number()),
    ];
    return kinds[below(kinds.length)]();
  };
  const shuffled = () => {
    const all = Array.from({ length: qubits }, (_, q) => q);
    for (let k = qubits - 1; k > 0; k--) {
      const other = below(k + 1);
      [all[k], all[other]] = [all[other], all[k]];
    }
    return all;
  };
  const names = [...Object.keys(FIXED_GATES).filter((g) => FIXED_GATES[g][1] <= qubits), 'pauli', 'unitary'];
  const result = circuit(qubits, { features, parameters });
  for (let k = 0; k < gates; k++) {
    const gate = names[below(names.length)];
    const order = shuffled();
    if (gate === 'pauli') {
      // The oracle writes the whole matrix out.
      const size = 1 + below(Math.min(5, qubits));
      const letters = Array.from({ length: size }, () => 'IXYZ'[below(4)]).join('');
      result.pauliRotation(letters, angle(), order.slice(0, size));
    } else if (gate === 'unitary') {
      const size = 1 + below(Math.min(3, qubits));
      result.unitary(randomUnitary(size, number, below), order.slice(0, size));
    } else {
      const [angles, width] = FIXED_GATES[gate];
      const operands = order.slice(0, width);
      result.add(gate as Parameters<Circuit['add']>[0], Array.from({ length: angles }, angle), operands);
    }
  }
  return result;
}

/** A product of random gates on `size` qubits; column c is where it takes basis state c. */
function randomUnitary(size: number, number: () => number, below: (n: number) => number) {
  const columns = Array.from({ length: 2 ** size }, (_, c) => new State(size, c));
  for (let step = 0; step < 4; step++) {
    const [a, b] = [below(size), below(size)];
    const angles = Array.from({ length: 4 }, number);
    for (const column of columns) {
      column.gate('u', angles.slice(1), [a]);
      if (a !== b) column.gate('rxx', angles.slice(0, 1), [a, b]).gate('cu', angles, [b, a]);
    }
  }
  return columns.map((_, row) => columns.map((column): [number, number] => [column.re[row], column.im[row]]));
}
