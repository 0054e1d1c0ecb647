/**
 * Slow, obvious statevector simulation, gate by gate: the reference of the engine's tests. It shares nothing with the
 * engine; its circuits follow Qiskit's and PennyLane's definitions gate by gate (controlled-NOTs and all).
 */

/** A statevector; amplitude b belongs to the basis state whose bit q is the value of qubit q. */
export class State {
  readonly re: Float64Array;
  readonly im: Float64Array;

  constructor(readonly qubits: number) {
    this.re = new Float64Array(2 ** qubits);
    this.im = new Float64Array(2 ** qubits);
    this.re[0] = 1;
  }

  /** Applies the matrix [[a, b], [c, d]] of complex numbers [re, im] to one qubit. */
  private gate(qubit: number, [[a, b], [c, d]]: [[Complex, Complex], [Complex, Complex]]): void {
    const bit = 1 << qubit;
    for (let zero = 0; zero < this.re.length; zero++) {
      if (zero & bit) continue;
      const one = zero | bit;
      const u: Complex = [this.re[zero], this.im[zero]];
      const v: Complex = [this.re[one], this.im[one]];
      [this.re[zero], this.im[zero]] = add(times(a, u), times(b, v));
      [this.re[one], this.im[one]] = add(times(c, u), times(d, v));
    }
  }

  h(qubit: number): void {
    const s: Complex = [Math.SQRT1_2, 0];
    this.gate(qubit, [
      [s, s],
      [s, [-Math.SQRT1_2, 0]],
    ]);
  }

  /** diag(1, e^{i angle}) */
  p(qubit: number, angle: number): void {
    this.gate(qubit, [
      [[1, 0], ZERO],
      [ZERO, [Math.cos(angle), Math.sin(angle)]],
    ]);
  }

  rx(qubit: number, angle: number): void {
    const [c, s] = [Math.cos(angle / 2), Math.sin(angle / 2)];
    this.gate(qubit, [
      [
        [c, 0],
        [0, -s],
      ],
      [
        [0, -s],
        [c, 0],
      ],
    ]);
  }

  ry(qubit: number, angle: number): void {
    const [c, s] = [Math.cos(angle / 2), Math.sin(angle / 2)];
    this.gate(qubit, [
      [
        [c, 0],
        [-s, 0],
      ],
      [
        [s, 0],
        [c, 0],
      ],
    ]);
  }

  rz(qubit: number, angle: number): void {
    const [c, s] = [Math.cos(angle / 2), Math.sin(angle / 2)];
    this.gate(qubit, [
      [[c, -s], ZERO],
      [ZERO, [c, s]],
    ]);
  }

  cx(control: number, target: number): void {
    for (let b = 0; b < this.re.length; b++) {
      const other = b ^ (1 << target);
      if (!(b & (1 << control)) || b > other) continue;
      [this.re[b], this.re[other]] = [this.re[other], this.re[b]];
      [this.im[b], this.im[other]] = [this.im[other], this.im[b]];
    }
  }
}

type Complex = [re: number, im: number];
const ZERO: Complex = [0, 0];
const add = (x: Complex, y: Complex): Complex => [x[0] + y[0], x[1] + y[1]];
const times = (x: Complex, y: Complex): Complex => [x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]];

export type OracleSpec =
  | {
      type: 'zz';
      features: number;
      reps?: number;
      entanglement?: string | [number, number][];
      alpha?: number;
      bandwidth?: number;
    }
  | { type: 'z'; features: number; reps?: number; alpha?: number; bandwidth?: number }
  | { type: 'iqp'; features: number; repeats?: number; bandwidth?: number }
  | { type: 'angle'; features: number; axis?: string; bandwidth?: number }
  | { type: 'amplitude'; features: number };

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

/** The state of one sample under a feature map. */
export function simulate(spec: OracleSpec, sample: ArrayLike<number>): State {
  const n = spec.features;
  if (spec.type === 'amplitude') {
    const state = new State(Math.max(1, Math.ceil(Math.log2(n))));
    const norm = Math.hypot(...Array.from(sample));
    for (let b = 0; b < n; b++) state.re[b] = sample[b] / norm;
    return state;
  }
  const state = new State(n);
  const x = Array.from(sample, (value) => (spec.bandwidth ?? 1) * value);
  const qubits = Array.from(x.keys());
  switch (spec.type) {
    case 'angle':
      for (const q of qubits) {
        const axis = spec.axis ?? 'X';
        if (axis === 'X') state.rx(q, x[q]);
        else if (axis === 'Y') state.ry(q, x[q]);
        else state.rz(q, x[q]);
      }
      break;
    case 'iqp':
      for (let rep = 0; rep < (spec.repeats ?? 1); rep++) {
        for (const q of qubits) state.h(q);
        for (const q of qubits) state.rz(q, x[q]);
        for (const [i, j] of entanglerMap('full', n, rep)) {
          state.cx(i, j);
          state.rz(j, x[i] * x[j]);
          state.cx(i, j);
        }
      }
      break;
    case 'z':
    case 'zz': {
      const { reps = 2, alpha = 2 } = spec;
      for (let rep = 0; rep < reps; rep++) {
        for (const q of qubits) state.h(q);
        for (const q of qubits) state.p(q, alpha * x[q]);
        if (spec.type === 'z') continue;
        const { entanglement = 'full' } = spec;
        for (const [i, j] of typeof entanglement === 'string' ? entanglerMap(entanglement, n, rep) : entanglement) {
          state.cx(i, j);
          state.p(j, alpha * (Math.PI - x[i]) * (Math.PI - x[j]));
          state.cx(i, j);
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
export function kernelMatrix(spec: OracleSpec, X: ArrayLike<number>, Y: ArrayLike<number> = X): Float64Array {
  const states = (data: ArrayLike<number>) =>
    Array.from({ length: data.length / spec.features }, (_, i) =>
      simulate(spec, Array.prototype.slice.call(data, i * spec.features, (i + 1) * spec.features)),
    );
  const a = states(X);
  const b = X === Y ? a : states(Y);
  return Float64Array.from(a.flatMap((x) => b.map((y) => fidelity(x, y))));
}
