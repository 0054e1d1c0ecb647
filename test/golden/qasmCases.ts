// Circuits whose OpenQASM texts Qiskit has read. Run as a program it prints the texts for fixtures/make_qasm.py.
import { pathToFileURL } from 'node:url';
import { Circuit, feature, parameter } from 'qrkd';
import { FIXED_GATES, randomCircuit } from '../randomCircuits.js';

export interface QasmCase {
  name: string;
  version: 2 | 3;
  circuit: Circuit;
  /** True: the text has numbers. False: it has inputs. */
  bound: boolean;
  x: number[];
  parameters: number[];
}

/** Rotations of every kind on a state without symmetries. */
function pauliRotations(): Circuit {
  const circuit = new Circuit(3).ry(0.4, 0).ry(1.1, 1).ry(2.2, 2).rz(0.3, 0).rz(0.7, 1).rz(-0.9, 2);
  for (const pauli of ['X', 'Y', 'Z', 'XY', 'YX', 'ZI', 'IYZ', 'XYZ', 'III', 'YYX']) {
    circuit.pauliRotation(pauli, 0.3 + 0.1 * circuit.operations.length, [2, 0, 1].slice(0, pauli.length));
  }
  return circuit;
}

/** Every gate of the table with angles of features and parameters, as Qiskit's reader takes them. */
function symbolic(): Circuit {
  const angles = [
    feature(0),
    parameter(1).times(-0.5),
    feature(1).minus(Math.PI).times(feature(0).negate().plus(Math.PI)).times(2),
    feature(2).plus(0.25),
    parameter(0).times(feature(1)).minus(1.5),
    feature(0).times(feature(2)).plus(parameter(1).times(1e-7)),
    parameter(0)
      .times(parameter(0))
      .negate()
      .plus((3 * Math.PI) / 4),
  ];
  let next = 0;
  const circuit = new Circuit(3);
  for (let q = 0; q < 3; q++) circuit.h(q).ry(0.3 * (q + 1), q);
  for (const [gate, [count, width]] of Object.entries(FIXED_GATES)) {
    const own = Array.from({ length: count }, () => angles[next++ % angles.length]);
    const qubits = [0, 1, 2].map((q) => (q + next) % 3).slice(0, width);
    circuit.add(gate as Parameters<Circuit['add']>[0], own, qubits);
  }
  return circuit.pauliRotation('XYZ', angles[0], [2, 1, 0]);
}

/** A random circuit without the unitaries on several qubits, which have no text. */
export function writableCircuit(seed: string, qubits: number, gates: number): Circuit {
  const json = randomCircuit(seed, { qubits, gates }).toJSON();
  const operations = json.operations.filter(({ gate, qubits }) => gate !== 'unitary' || qubits.length === 1);
  return Circuit.fromJSON({ ...json, operations });
}

function cases(name: string, circuit: Circuit, variants: [version: 2 | 3, bound: boolean][]): QasmCase[] {
  const x = Array.from({ length: circuit.features }, (_, i) => 0.7 - 0.4 * i);
  const parameters = Array.from({ length: circuit.parameters }, (_, i) => -0.3 + 0.8 * i);
  return variants.map(([version, bound]) => ({ name, version, bound, circuit, x, parameters }));
}

export const QASM_CASES: QasmCase[] = [
  ...cases('pauli rotations', pauliRotations(), [
    [3, false],
    [2, false],
  ]),
  ...cases('symbolic', symbolic(), [
    [3, false],
    [3, true],
    [2, true],
  ]),
  ...cases('random', writableCircuit('qasm', 4, 120), [
    [3, true],
    [2, true],
  ]),
];

/** The text of a case. */
export function caseText({ circuit, version, bound, x, parameters }: QasmCase): string {
  return circuit.toQasm(bound ? { version, x, parameters } : { version });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const texts = QASM_CASES.map((one) => ({ ...one, circuit: undefined, text: caseText(one) }));
  process.stdout.write(JSON.stringify(texts));
}
