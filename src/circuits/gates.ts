/**
 * The table of gates: everything that the builder, the engine, OpenQASM and drawings know about one is its entry here.
 * Matrices and decompositions are exact, global phase included.
 */

/** A complex number [re, im]. */
export type Complex = readonly [re: number, im: number];

/** Rows of complex entries; of several qubits, the first is the least significant bit of row and column. */
export type ComplexMatrix = readonly (readonly Complex[])[];

/** factor * (angle number `index` of the operation), or the constant `factor` itself where index is -1. */
export interface ScaledAngle {
  readonly index: number;
  readonly factor: number;
}

/** The gates that the engine runs; everything is lowered to these. */
export interface Basis {
  h(qubit: number): void;
  x(qubit: number): void;
  rx(angle: ScaledAngle, qubit: number): void;
  ry(angle: ScaledAngle, qubit: number): void;
  /** e^{i angle} where the parity (xor) of the qubits is 1. */
  phase(angle: ScaledAngle, ...qubits: number[]): void;
  /** e^{i angle} everywhere. */
  global(angle: ScaledAngle): void;
  cx(control: number, target: number): void;
  swap(a: number, b: number): void;
}

export interface Gate {
  qubits: number;
  /** Names of the angles, in order. */
  angles: readonly string[];
  /** In drawings: the text of the box, and how many of the first qubits are controls. */
  label: string;
  controls: number;
  /** Name in OpenQASM 3's standard library (gphase: in the language); undefined where it must be written as others. */
  qasm: string | undefined;
  /** One line for the reference. */
  summary: string;
  matrix(angles: readonly number[]): ComplexMatrix;
  decompose(out: Basis, angles: readonly ScaledAngle[], qubits: readonly number[]): void;
  /** The gate that undoes it, its angles being minus this one's in the given order. */
  inverse: { gate: string; order: readonly number[] };
}

const PI = Math.PI;
const ZERO: Complex = [0, 0];
const ONE: Complex = [1, 0];
const constant = (factor: number): ScaledAngle => ({ index: -1, factor });
const scaled = ({ index, factor }: ScaledAngle, by: number): ScaledAngle => ({ index, factor: by * factor });
const expi = (angle: number): Complex => [Math.cos(angle), Math.sin(angle)];
const diagonal = (...entries: Complex[]): ComplexMatrix =>
  entries.map((entry, i) => entries.map((_, j) => (i === j ? entry : ZERO)));

/** The gate on the last qubits where the first ones are all 1. */
function controlled(matrix: ComplexMatrix, controls = 1): ComplexMatrix {
  const size = matrix.length * 2 ** controls;
  const on = 2 ** controls - 1;
  return Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, j): Complex => {
      if ((i & on) !== on || (j & on) !== on) return i === j ? ONE : ZERO;
      return matrix[i >> controls][j >> controls];
    }),
  );
}

/** A real matrix as a complex one. */
const real = (rows: readonly (readonly number[])[]): ComplexMatrix =>
  rows.map((row) => row.map((value): Complex => [value, 0]));

const H = real([
  [Math.SQRT1_2, Math.SQRT1_2],
  [Math.SQRT1_2, -Math.SQRT1_2],
]);
const X = real([
  [0, 1],
  [1, 0],
]);
const Y: ComplexMatrix = [
  [ZERO, [0, -1]],
  [[0, 1], ZERO],
];
const SWAP = real([
  [1, 0, 0, 0],
  [0, 0, 1, 0],
  [0, 1, 0, 0],
  [0, 0, 0, 1],
]);

function times([re, im]: Complex, matrix: ComplexMatrix): ComplexMatrix {
  return matrix.map((row) => row.map(([a, b]): Complex => [re * a - im * b, re * b + im * a]));
}

function rxMatrix(theta: number): ComplexMatrix {
  const c: Complex = [Math.cos(theta / 2), 0];
  const s: Complex = [0, -Math.sin(theta / 2)];
  return [
    [c, s],
    [s, c],
  ];
}

function rzMatrix(theta: number): ComplexMatrix {
  return diagonal(expi(-theta / 2), expi(theta / 2));
}

function uMatrix(theta: number, phi: number, lambda: number): ComplexMatrix {
  const [c, s] = [Math.cos(theta / 2), Math.sin(theta / 2)];
  const turn = (by: number, angle: number): Complex => [by * Math.cos(angle), by * Math.sin(angle)];
  return [
    [[c, 0], turn(-s, lambda)],
    [turn(s, phi), turn(c, phi + lambda)],
  ];
}

/** exp(-i theta X X / 2), or Y Y, whose outer corners have the other sign. */
function antidiagonalRotation(theta: number, corner: 1 | -1): ComplexMatrix {
  const c: Complex = [Math.cos(theta / 2), 0];
  const inner: Complex = [0, -Math.sin(theta / 2)];
  const outer: Complex = [0, corner * Math.sin(theta / 2)];
  return [
    [c, ZERO, ZERO, outer],
    [ZERO, c, inner, ZERO],
    [ZERO, inner, c, ZERO],
    [outer, ZERO, ZERO, c],
  ];
}

/** Applies `body`, diagonal in the eigenbasis of a Pauli letter, on a qubit: V body V^-1 with V Z V^-1 = X, Y or Z. */
function inFrame(out: Basis, letter: string, qubit: number, body: () => void): void {
  if (letter === 'Y') out.phase(constant(-PI / 2), qubit);
  if (letter === 'X' || letter === 'Y') out.h(qubit);
  body();
  if (letter === 'X' || letter === 'Y') out.h(qubit);
  if (letter === 'Y') out.phase(constant(PI / 2), qubit);
}

/** exp(-i theta / 2 P), P having one letter I, X, Y or Z for each qubit, in the order of the qubits. */
export function rotatePauli(out: Basis, letters: string, theta: ScaledAngle, qubits: readonly number[]): void {
  const active = qubits.filter((_, k) => letters[k] !== 'I');
  const diagonalPart = () => {
    if (active.length > 0) out.phase(theta, ...active);
    out.global(scaled(theta, -1 / 2));
  };
  const nested = qubits.reduce((inner, qubit, k) => () => inFrame(out, letters[k], qubit, inner), diagonalPart);
  nested();
}

/** RZ of the second qubit where the first is 1: theta c (t - 1/2), with c t = (c + t - c xor t) / 2. */
function crz(out: Basis, theta: ScaledAngle, control: number, target: number): void {
  out.phase(scaled(theta, 1 / 2), target);
  out.phase(scaled(theta, -1 / 2), control, target);
}

function cp(out: Basis, theta: ScaledAngle, control: number, target: number): void {
  out.phase(scaled(theta, 1 / 2), control);
  crz(out, theta, control, target);
}

/** H CCZ H, with 4 abc = a + b + c - a xor b - a xor c - b xor c + a xor b xor c. */
function ccx(out: Basis, [a, b, target]: readonly number[]): void {
  out.h(target);
  for (const single of [a, b, target]) out.phase(constant(PI / 4), single);
  out.phase(constant(-PI / 4), a, b);
  out.phase(constant(-PI / 4), a, target);
  out.phase(constant(-PI / 4), b, target);
  out.phase(constant(PI / 4), a, b, target);
  out.h(target);
}

/** Y = i X Z */
function y(out: Basis, qubit: number): void {
  out.phase(constant(PI), qubit);
  out.x(qubit);
  out.global(constant(PI / 2));
}

/** An entry of the table: what is usual may be left out. */
type Entry = Pick<Gate, 'label' | 'summary' | 'matrix' | 'decompose'> &
  Partial<Omit<Gate, 'inverse'>> & { inverse?: Partial<Gate['inverse']> };

function phaseEntry(label: string, turns: string, angle: number, inverse?: string): Entry {
  return {
    label,
    summary: `diag(1, e^{${turns}})`,
    matrix: () => diagonal(ONE, expi(angle)),
    decompose: (out, _, [q]) => out.phase(constant(angle), q),
    inverse: { gate: inverse },
  };
}

const ENTRIES = {
  h: { label: 'H', summary: 'Hadamard', matrix: () => H, decompose: (out, _, [q]) => out.h(q) },
  x: { label: 'X', summary: 'Pauli X', matrix: () => X, decompose: (out, _, [q]) => out.x(q) },
  y: {
    label: 'Y',
    summary: 'Pauli Y',
    matrix: () => Y,
    decompose: (out, _, [q]) => y(out, q),
  },
  z: phaseEntry('Z', 'i pi', PI),
  s: phaseEntry('S', 'i pi / 2', PI / 2, 'sdg'),
  sdg: phaseEntry('S†', '-i pi / 2', -PI / 2, 's'),
  t: phaseEntry('T', 'i pi / 4', PI / 4, 'tdg'),
  tdg: phaseEntry('T†', '-i pi / 4', -PI / 4, 't'),
  sx: {
    label: '√X',
    summary: 'square root of X, e^{i pi / 4} RX(pi / 2)',
    matrix: () => times(expi(PI / 4), rxMatrix(PI / 2)),
    decompose(out, _, [q]) {
      out.rx(constant(PI / 2), q);
      out.global(constant(PI / 4));
    },
    inverse: { gate: 'sxdg' },
  },
  sxdg: {
    label: '√X†',
    qasm: undefined,
    summary: 'inverse of sx',
    matrix: () => times(expi(-PI / 4), rxMatrix(-PI / 2)),
    decompose(out, _, [q]) {
      out.rx(constant(-PI / 2), q);
      out.global(constant(-PI / 4));
    },
    inverse: { gate: 'sx' },
  },
  rx: {
    label: 'RX',
    angles: ['theta'],
    summary: 'exp(-i theta X / 2)',
    matrix: ([theta]) => rxMatrix(theta),
    decompose: (out, [theta], [q]) => out.rx(theta, q),
  },
  ry: {
    label: 'RY',
    angles: ['theta'],
    summary: 'exp(-i theta Y / 2)',
    matrix: ([theta]) => uMatrix(theta, 0, 0),
    decompose: (out, [theta], [q]) => out.ry(theta, q),
  },
  rz: {
    label: 'RZ',
    angles: ['theta'],
    summary: 'exp(-i theta Z / 2)',
    matrix: ([theta]) => rzMatrix(theta),
    decompose(out, [theta], [q]) {
      out.phase(theta, q);
      out.global(scaled(theta, -1 / 2));
    },
  },
  p: {
    label: 'P',
    angles: ['theta'],
    summary: 'diag(1, e^{i theta})',
    matrix: ([theta]) => diagonal(ONE, expi(theta)),
    decompose: (out, [theta], [q]) => out.phase(theta, q),
  },
  u: {
    label: 'U',
    angles: ['theta', 'phi', 'lambda'],
    qasm: 'U',
    summary: 'P(phi) RY(theta) P(lambda)',
    matrix: ([theta, phi, lambda]) => uMatrix(theta, phi, lambda),
    decompose(out, [theta, phi, lambda], [q]) {
      out.phase(lambda, q);
      out.ry(theta, q);
      out.phase(phi, q);
    },
    inverse: { order: [0, 2, 1] },
  },
  cx: {
    qubits: 2,
    controls: 1,
    label: 'X',
    summary: 'X where the control is 1',
    matrix: () => controlled(X),
    decompose: (out, _, [c, t]) => out.cx(c, t),
  },
  cy: {
    qubits: 2,
    controls: 1,
    label: 'Y',
    summary: 'Y where the control is 1',
    matrix: () => controlled(Y),
    decompose(out, _, [c, t]) {
      // Y = S X S^-1
      out.phase(constant(-PI / 2), t);
      out.cx(c, t);
      out.phase(constant(PI / 2), t);
    },
  },
  cz: {
    qubits: 2,
    controls: 1,
    label: 'Z',
    summary: 'Z where the control is 1; symmetric',
    matrix: () => controlled(diagonal(ONE, [-1, 0])),
    decompose: (out, _, [c, t]) => cp(out, constant(PI), c, t),
  },
  ch: {
    qubits: 2,
    controls: 1,
    label: 'H',
    summary: 'H where the control is 1',
    matrix: () => controlled(H),
    decompose(out, _, [c, t]) {
      // H = RY(pi / 4) Z RY(-pi / 4)
      out.ry(constant(-PI / 4), t);
      cp(out, constant(PI), c, t);
      out.ry(constant(PI / 4), t);
    },
  },
  swap: {
    qubits: 2,
    label: 'SWAP',
    summary: 'exchanges two qubits',
    matrix: () => SWAP,
    decompose: (out, _, [a, b]) => out.swap(a, b),
  },
  cp: {
    qubits: 2,
    controls: 1,
    label: 'P',
    angles: ['theta'],
    summary: 'e^{i theta} where both qubits are 1; symmetric',
    matrix: ([theta]) => controlled(diagonal(ONE, expi(theta))),
    decompose: (out, [theta], [c, t]) => cp(out, theta, c, t),
  },
  crx: {
    qubits: 2,
    controls: 1,
    label: 'RX',
    angles: ['theta'],
    summary: 'RX where the control is 1',
    matrix: ([theta]) => controlled(rxMatrix(theta)),
    decompose: (out, [theta], [c, t]) => inFrame(out, 'X', t, () => crz(out, theta, c, t)),
  },
  cry: {
    qubits: 2,
    controls: 1,
    label: 'RY',
    angles: ['theta'],
    summary: 'RY where the control is 1',
    matrix: ([theta]) => controlled(uMatrix(theta, 0, 0)),
    decompose: (out, [theta], [c, t]) => inFrame(out, 'Y', t, () => crz(out, theta, c, t)),
  },
  crz: {
    qubits: 2,
    controls: 1,
    label: 'RZ',
    angles: ['theta'],
    summary: 'RZ where the control is 1',
    matrix: ([theta]) => controlled(rzMatrix(theta)),
    decompose: (out, [theta], [c, t]) => crz(out, theta, c, t),
  },
  cu: {
    qubits: 2,
    controls: 1,
    label: 'U',
    angles: ['theta', 'phi', 'lambda', 'gamma'],
    summary: 'e^{i gamma} U(theta, phi, lambda) where the control is 1',
    matrix: ([theta, phi, lambda, gamma]) => controlled(times(expi(gamma), uMatrix(theta, phi, lambda))),
    decompose(out, [theta, phi, lambda, gamma], [c, t]) {
      cp(out, lambda, c, t);
      inFrame(out, 'Y', t, () => crz(out, theta, c, t));
      cp(out, phi, c, t);
      out.phase(gamma, c);
    },
    inverse: { order: [0, 2, 1, 3] },
  },
  rxx: {
    qubits: 2,
    label: 'RXX',
    angles: ['theta'],
    qasm: undefined,
    summary: 'exp(-i theta X X / 2)',
    matrix: ([theta]) => antidiagonalRotation(theta, -1),
    decompose: (out, [theta], qubits) => rotatePauli(out, 'XX', theta, qubits),
  },
  ryy: {
    qubits: 2,
    label: 'RYY',
    angles: ['theta'],
    qasm: undefined,
    summary: 'exp(-i theta Y Y / 2)',
    matrix: ([theta]) => antidiagonalRotation(theta, 1),
    decompose: (out, [theta], qubits) => rotatePauli(out, 'YY', theta, qubits),
  },
  rzz: {
    qubits: 2,
    label: 'RZZ',
    angles: ['theta'],
    qasm: undefined,
    summary: 'exp(-i theta Z Z / 2)',
    matrix([theta]) {
      const [even, odd] = [expi(-theta / 2), expi(theta / 2)];
      return diagonal(even, odd, odd, even);
    },
    decompose: (out, [theta], qubits) => rotatePauli(out, 'ZZ', theta, qubits),
  },
  ccx: {
    qubits: 3,
    controls: 2,
    label: 'X',
    summary: 'Toffoli: X where both controls are 1',
    matrix: () => controlled(X, 2),
    decompose: (out, _, qubits) => ccx(out, qubits),
  },
  cswap: {
    qubits: 3,
    controls: 1,
    label: 'SWAP',
    summary: 'Fredkin: exchanges two qubits where the control is 1',
    matrix: () => controlled(SWAP),
    decompose(out, _, [c, a, b]) {
      out.cx(b, a);
      ccx(out, [c, a, b]);
      out.cx(b, a);
    },
  },
  gphase: {
    qubits: 0,
    label: 'phase',
    angles: ['theta'],
    summary: 'e^{i theta} on every amplitude',
    matrix: ([theta]) => [[expi(theta)]],
    decompose: (out, [theta]) => out.global(theta),
  },
} satisfies Record<string, Entry>;

/** Gates of fixed size. `pauli` and `unitary` beside them carry their letters and their matrix in the operation. */
export type FixedGateName = keyof typeof ENTRIES;
export type GateName = FixedGateName | 'pauli' | 'unitary';

export const GATES: Readonly<Record<FixedGateName, Gate>> = Object.fromEntries(
  Object.entries<Entry>(ENTRIES).map(([name, entry]): [string, Gate] => {
    const { qubits = 1, controls = 0, angles = [], inverse = {} } = entry;
    const qasm = 'qasm' in entry ? entry.qasm : name;
    const order = inverse.order ?? angles.map((_, k) => k);
    return [name, { ...entry, qubits, controls, angles, qasm, inverse: { gate: inverse.gate ?? name, order } }];
  }),
) as Record<FixedGateName, Gate>;
