import { type Circuit, circuit, feature, type Matrix, parameter } from 'qrkd';

/** `count` numbers in [0, 1) on a grid of 1/256 (equal in float32 and float64); bench/peers/contest.py makes the same. */
export function uniform(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 24) / 256;
  });
}

/** A float32 matrix of such numbers. */
export function samples(rows: number, columns: number, seed: number): Matrix<Float32Array> {
  return { data: Float32Array.from(uniform(rows * columns, seed)), shape: [rows, columns] };
}

/** Random gates, every angle 2 pi times a feature of its own; bench/peers/states.py makes the same. */
export function randomCircuit(qubits: number, gates: number, seed: number): Circuit {
  const numbers = uniform(3 * gates, seed);
  const made = circuit(qubits, { features: gates });
  for (let k = 0; k < gates; k++) {
    const angle = feature(k).times(2 * Math.PI);
    const a = Math.floor(numbers[3 * k + 1]! * qubits);
    const b = (a + 1 + Math.floor(numbers[3 * k + 2]! * (qubits - 1))) % qubits;
    const add = [
      () => made.h(a),
      () => made.t(a),
      () => made.rx(angle, a),
      () => made.ry(angle, a),
      () => made.rz(angle, a),
      () => made.cx(a, b),
      () => made.cz(a, b),
      () => made.rzz(angle, a, b),
    ];
    add[Math.floor(numbers[3 * k]! * add.length)]!();
  }
  return made;
}

/** The circuit of bench/peers/reuploading.py: parameters in the order [layer][qubit][RZ, RY, RZ]. */
export function reuploadingCircuit(qubits: number, layers: number): Circuit {
  const made = circuit(qubits);
  for (let layer = 0; layer < layers; layer++) {
    for (let q = 0; q < qubits; q++) {
      const first = 3 * (layer * qubits + q);
      made
        .rx(feature(q), q)
        .rz(parameter(first), q)
        .ry(parameter(first + 1), q)
        .rz(parameter(first + 2), q);
    }
    for (let q = 0; q < qubits; q++) made.cx(q, (q + 1) % qubits);
  }
  return made;
}
