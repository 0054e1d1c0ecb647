/**
 * Slow, obvious statevector simulation, gate by gate: the reference of the engine's tests. It shares nothing with the
 * engine; its circuits follow Qiskit's and PennyLane's definitions gate by gate (controlled-NOTs and all).
 */

import { type CircuitSpec, type FeatureMapSpec, featureMap } from 'qrkd';

type Complex = readonly [re: number, im: number];
type ComplexMatrix = readonly (readonly Complex[])[];

const ZERO: Complex = [0, 0];
const ONE: Complex = [1, 0];
const I: Complex = [0, 1];
const add = (x: Complex, y: Complex): Complex => [x[0] + y[0], x[1] + y[1]];
const times = (x: Complex, y: Complex): Complex => [x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]];
const real = (value: number): Complex => [value, 0];
const expi = (angle: number): Complex => [Math.cos(angle), Math.sin(angle)];

const matrixTimes = (a: ComplexMatrix, b: ComplexMatrix): ComplexMatrix =>
  a.map((row) => b[0].map((_, j) => row.map((entry, k) => times(entry, b[k][j])).reduce(add)));
const scaledBy = (factor: Complex, a: ComplexMatrix): ComplexMatrix => a.map((row) => row.map((v) => times(factor, v)));
const sum = (a: ComplexMatrix, b: ComplexMatrix): ComplexMatrix =>
  a.map((row, i) => row.map((v, j) => add(v, b[i][j])));
const identity = (size: number): ComplexMatrix =>
  Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i === j ? ONE : ZERO)));
/** The Kronecker product; `low` belongs to the less significant bits. */
const kron = (high: ComplexMatrix, low: ComplexMatrix): ComplexMatrix =>
  high.flatMap((rowH) => low.map((rowL) => rowH.flatMap((h) => rowL.map((l) => times(h, l)))));

const PAULI: Record<string, ComplexMatrix> = {
  I: identity(2),
  X: [
    [ZERO, ONE],
    [ONE, ZERO],
  ],
  Y: [
    [ZERO, [0, -1]],
    [I, ZERO],
  ],
  Z: [
    [ONE, ZERO],
    [ZERO, [-1, 0]],
  ],
};

/** exp(-i angle / 2 P) = cos(angle / 2) - i sin(angle / 2) P; the last letter belongs to the least significant bit. */
export function pauliRotation(letters: string, angle: number): ComplexMatrix {
  const P = [...letters].map((letter) => PAULI[letter]).reduce(kron);
  return sum(scaledBy(real(Math.cos(angle / 2)), identity(P.length)), scaledBy([0, -Math.sin(angle / 2)], P));
}

const phase = (angle: number): ComplexMatrix => [
  [ONE, ZERO],
  [ZERO, expi(angle)],
];
const H: ComplexMatrix = scaledBy(real(Math.SQRT1_2), sum(PAULI.X, PAULI.Z));
/** Qiskit's U, entry by entry. */
const u = (theta: number, phi: number, lambda: number): ComplexMatrix => [
  [real(Math.cos(theta / 2)), times(real(-Math.sin(theta / 2)), expi(lambda))],
  [times(real(Math.sin(theta / 2)), expi(phi)), times(real(Math.cos(theta / 2)), expi(phi + lambda))],
];
/** (1 + i) / 2 times 1 - i X */
const SX = scaledBy([0.5, 0.5], sum(identity(2), scaledBy([0, -1], PAULI.X)));
const SWAP: ComplexMatrix = [
  [ONE, ZERO, ZERO, ZERO],
  [ZERO, ZERO, ONE, ZERO],
  [ZERO, ONE, ZERO, ZERO],
  [ZERO, ZERO, ZERO, ONE],
];

/** |1><1| on the control, which is the least significant bit: M where it is 1, the identity where it is 0. */
function controlled(matrix: ComplexMatrix): ComplexMatrix {
  const off: ComplexMatrix = [
    [ONE, ZERO],
    [ZERO, ZERO],
  ];
  const on: ComplexMatrix = [
    [ZERO, ZERO],
    [ZERO, ONE],
  ];
  return sum(kron(identity(matrix.length), off), kron(matrix, on));
}

/** The matrix of a gate by its OpenQASM name; the first qubit is the least significant bit of row and column. */
export function gateMatrix(gate: string, angles: readonly number[] = []): ComplexMatrix {
  const [theta, phi, lambda, gamma] = angles;
  switch (gate) {
    case 'x':
    case 'y':
    case 'z':
      return PAULI[gate.toUpperCase()];
    case 'h':
      return H;
    case 's':
      return phase(Math.PI / 2);
    case 'sdg':
      return phase(-Math.PI / 2);
    case 't':
      return phase(Math.PI / 4);
    case 'tdg':
      return phase(-Math.PI / 4);
    case 'sx':
      return SX;
    case 'sxdg':
      return matrixTimes(SX, PAULI.X);
    case 'rx':
    case 'ry':
    case 'rz':
      return pauliRotation(gate[1].toUpperCase(), theta);
    case 'rxx':
    case 'ryy':
    case 'rzz':
      return pauliRotation(gate.slice(1).toUpperCase(), theta);
    case 'p':
      return phase(theta);
    case 'u':
      return u(theta, phi, lambda);
    case 'swap':
      return SWAP;
    case 'cu':
      return controlled(scaledBy(expi(gamma), u(theta, phi, lambda)));
    case 'gphase':
      return [[expi(theta)]];
    default:
      if (gate.startsWith('c')) return controlled(gateMatrix(gate.slice(1), angles));
      throw new Error(`no gate ${gate}`);
  }
}

/** A statevector; amplitude b belongs to the basis state whose bit q is the value of qubit q. */
export class State {
  readonly re: Float64Array;
  readonly im: Float64Array;

  constructor(
    readonly qubits: number,
    basisState = 0,
  ) {
    this.re = new Float64Array(2 ** qubits);
    this.im = new Float64Array(2 ** qubits);
    this.re[basisState] = 1;
  }

  /** Applies a matrix whose row and column indices have the value of qubits[k] as bit k. */
  apply(matrix: ComplexMatrix, qubits: readonly number[]): this {
    const bits = qubits.reduce((mask, q) => mask | (1 << q), 0);
    const spread = (index: number) => qubits.reduce((b, q, k) => b | (((index >> k) & 1) << q), 0);
    for (let base = 0; base < this.re.length; base++) {
      if (base & bits) continue;
      const before = matrix.map((_, k): Complex => [this.re[base | spread(k)], this.im[base | spread(k)]]);
      matrix.forEach((row, k) => {
        const [re, im] = row.map((entry, l) => times(entry, before[l])).reduce(add);
        this.re[base | spread(k)] = re;
        this.im[base | spread(k)] = im;
      });
    }
    return this;
  }

  gate(name: string, angles: readonly number[], qubits: readonly number[]): this {
    return this.apply(gateMatrix(name, angles), qubits);
  }
}

type AngleJson = number | { coefficient?: number; factors?: FactorJson[] }[];
type FactorJson = { feature?: number; parameter?: number; offset?: number; scale?: number; function?: string };

/** The angle of a circuit's JSON at a sample. */
export function angleOf(angle: AngleJson, x: ArrayLike<number>, parameters: ArrayLike<number>): number {
  if (typeof angle === 'number') return angle;
  let result = 0;
  for (const { coefficient = 1, factors = [] } of angle) {
    let value = coefficient;
    for (const f of factors) {
      const v = f.feature !== undefined ? x[f.feature] : parameters[f.parameter!];
      const affine = (f.offset ?? 0) + (f.scale ?? 1) * v;
      value *= f.function === 'acos' ? Math.acos(affine) : affine;
    }
    result += value;
  }
  return result;
}

/** A circuit's JSON, as far as the oracle reads it. */
export interface OracleCircuit {
  qubits: number;
  operations: {
    gate: string;
    qubits: number[];
    angles?: AngleJson[];
    pauli?: string;
    matrix?: [re: number, im: number][][];
  }[];
}

/** The state of one sample, matrix by matrix. */
export function runCircuit(
  { qubits, operations }: OracleCircuit,
  x: ArrayLike<number>,
  parameters: ArrayLike<number> = [],
): State {
  const state = new State(qubits);
  for (const { gate, qubits, angles = [], pauli, matrix } of operations) {
    const values = angles.map((angle) => angleOf(angle, x, parameters));
    if (matrix) state.apply(matrix, qubits);
    else if (pauli) state.apply(pauliRotation(pauli, values[0]), qubits);
    else state.gate(gate, values, qubits);
  }
  return state;
}

/** The seed of the parameters of trainable maps in tests. */
export const TEST_PARAMETERS = 'tests';

/** A map whose specification states its number of features. */
export type MapSpec = Exclude<FeatureMapSpec, CircuitSpec>;

/** Qiskit's `get_entangler_map(2, qubits, entanglement, rep)`. */
export function entanglerMap(entanglement: string, qubits: number, rep: number): [number, number][] {
  const chain = Array.from({ length: qubits - 1 }, (_, i): [number, number] => [i, i + 1]);
  const ring: [number, number][] = qubits > 2 ? [[qubits - 1, 0], ...chain] : chain;
  switch (entanglement) {
    case 'full':
      return chain.flatMap(([i]) => Array.from({ length: qubits - 1 - i }, (_, k): [number, number] => [i, i + 1 + k]));
    case 'linear':
      return chain;
    case 'reverse_linear':
      return chain.toReversed();
    case 'pairwise':
      return [...chain.filter(([i]) => i % 2 === 0), ...chain.filter(([i]) => i % 2 === 1)];
    case 'circular':
      return ring;
    case 'sca': {
      const shift = rep % ring.length;
      const shifted = shift === 0 ? ring : [...ring.slice(-shift), ...ring.slice(0, -shift)];
      return rep % 2 === 0 ? shifted : shifted.map(([a, b]): [number, number] => [b, a]);
    }
    default:
      throw new Error(`no entanglement ${entanglement}`);
  }
}

/**
 * The state of one sample under a feature map. The first maps are written out here; the others, whose circuits are held
 * against Qiskit, PennyLane and sQUlearn by golden values, are run from their circuit.
 */
export function simulate(spec: MapSpec, sample: ArrayLike<number>, parameters?: ArrayLike<number>): State {
  const n = spec.features;
  if (spec.type === 'amplitude') {
    const state = new State(Math.max(1, Math.ceil(Math.log2(n))));
    const norm = Math.hypot(...Array.from(sample));
    for (let b = 0; b < n; b++) state.re[b] = sample[b] / norm;
    return state;
  }
  if (!['angle', 'iqp', 'z', 'zz'].includes(spec.type)) {
    const map = featureMap(spec);
    return runCircuit(map.circuit!.toJSON(), sample, parameters ?? map.initialParameters(TEST_PARAMETERS));
  }
  const state = new State(n);
  const x = Array.from(sample, (value) => (spec.bandwidth ?? 1) * value);
  const qubits = Array.from(x.keys());
  switch (spec.type) {
    case 'angle':
      for (const q of qubits) {
        const axis = spec.axis ?? 'X';
        if (axis === 'X') state.gate('rx', [x[q]], [q]);
        else if (axis === 'Y') state.gate('ry', [x[q]], [q]);
        else state.gate('rz', [x[q]], [q]);
      }
      break;
    case 'iqp':
      for (let rep = 0; rep < (spec.repeats ?? 1); rep++) {
        for (const q of qubits) state.gate('h', [], [q]);
        for (const q of qubits) state.gate('rz', [x[q]], [q]);
        for (const [i, j] of entanglerMap('full', n, rep)) {
          state.gate('cx', [], [i, j]);
          state.gate('rz', [x[i] * x[j]], [j]);
          state.gate('cx', [], [i, j]);
        }
      }
      break;
    case 'z':
    case 'zz': {
      const { reps = 2, alpha = 2 } = spec;
      for (let rep = 0; rep < reps; rep++) {
        for (const q of qubits) state.gate('h', [], [q]);
        for (const q of qubits) state.gate('p', [alpha * x[q]], [q]);
        if (spec.type === 'z') continue;
        const { entanglement = 'full' } = spec;
        for (const [i, j] of typeof entanglement === 'string' ? entanglerMap(entanglement, n, rep) : entanglement) {
          state.gate('cx', [], [i, j]);
          state.gate('p', [alpha * (Math.PI - x[i]) * (Math.PI - x[j])], [j]);
          state.gate('cx', [], [i, j]);
        }
      }
    }
  }
  return state;
}

/** |<b|a>|^2 */
export function fidelity(a: State, b: State): number {
  let [re, im] = [0, 0];
  for (let k = 0; k < a.re.length; k++) {
    re += b.re[k] * a.re[k] + b.im[k] * a.im[k];
    im += b.re[k] * a.im[k] - b.im[k] * a.re[k];
  }
  return re * re + im * im;
}

/** Row-major kernel matrix [X, Y] of row-major samples. */
export function kernelMatrix(
  spec: MapSpec,
  X: ArrayLike<number>,
  Y: ArrayLike<number> = X,
  parameters?: ArrayLike<number>,
): Float64Array {
  const states = (data: ArrayLike<number>) =>
    Array.from({ length: data.length / spec.features }, (_, i) =>
      simulate(spec, Array.prototype.slice.call(data, i * spec.features, (i + 1) * spec.features), parameters),
    );
  const a = states(X);
  const b = X === Y ? a : states(Y);
  return Float64Array.from(a.flatMap((x) => b.map((y) => fidelity(x, y))));
}
