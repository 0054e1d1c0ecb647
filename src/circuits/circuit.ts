import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys, suggest } from '../errors.js';
import {
  type Angle,
  AngleExpression,
  type AngleJson,
  angleFromJson,
  angleToJson,
  checkAngle,
  scaleAngle,
} from './angle.js';
import { type DrawOptions, drawCircuit, type SvgOptions, svgOfCircuit } from './draw/index.js';
import { type ComplexMatrix, type FixedGateName, GATES, type GateName } from './gates.js';
import { type QasmOptions, type ReadQasmOptions, readQasm, writeQasm } from './qasm/index.js';

/** One gate of a circuit. */
export interface Operation {
  readonly gate: GateName;
  /** Controls first, as in the builder's calls. */
  readonly qubits: readonly number[];
  readonly angles: readonly Angle[];
  /** Of `pauli`: letters I, X, Y, Z, the last one belonging to qubits[0]. */
  readonly pauli?: string;
  /** Of `unitary`: rows of [re, im], qubits[0] the least significant bit of row and column. */
  readonly matrix?: ComplexMatrix;
}

/** A circuit as plain JSON, as {@link Circuit.toJSON} writes it. */
export interface CircuitJson {
  qubits: number;
  /** At least so many features belong to a sample; by default as many as the angles use. */
  features?: number;
  parameters?: number;
  operations: OperationJson[];
}
export interface OperationJson {
  gate: GateName;
  qubits: number[];
  angles?: AngleJson[];
  pauli?: string;
  matrix?: [re: number, im: number][][];
}

export interface CircuitOptions {
  /** Number of features of a sample, where it is more than the angles use. */
  features?: number;
  /** Number of trainable parameters, where it is more than the angles use. */
  parameters?: number;
}

/** Fixed unitaries act on at most so many qubits. */
export const MAX_UNITARY_QUBITS = 3;
/** Registers are at most so wide; what can be simulated is the engine's to say. */
const MAX_QUBITS = 2 ** 17;
/** Circuits are at most so long, so that mistyped numbers of layers or features are told, not the heap exhausted. */
const MAX_OPERATIONS = 2 ** 20;
/** How far a unitary may be from one. */
const UNITARY_TOLERANCE = 1e-9;

/**
 * A quantum circuit on |0...0>, whose angles are constants, features, trainable parameters, or sums and products of these.
 * Qubit 0 is the least significant bit of a basis index. Angles come first and qubits last, as in Qiskit; every gate
 * returns the circuit.
 *
 *     circuit(2).h(0).h(1).p(feature(0).times(2), 0).cx(0, 1)
 *
 * @throws TypeError or RangeError that names gate and argument: an angle that is no finite number or expression, a qubit
 *   that the circuit does not have, or has twice.
 */
export class Circuit {
  readonly qubits: number;
  private readonly list: Operation[] = [];
  private featureCount: number;
  private parameterCount: number;
  private frozen = false;

  /** Same as {@link circuit}. */
  constructor(qubits: number, options: CircuitOptions = {}) {
    this.qubits = wholeNumber('circuit: qubits', qubits, 1, MAX_QUBITS);
    rejectUnknownKeys(options, ['features', 'parameters'], 'circuit');
    const { features = 0, parameters = 0 } = options;
    this.featureCount = wholeNumber('circuit: features', features, 0);
    this.parameterCount = wholeNumber('circuit: parameters', parameters, 0);
  }

  /** Number of features of a sample: declared, or one more than the highest used. */
  get features(): number {
    return this.featureCount;
  }
  /** Number of trainable parameters: declared, or one more than the highest used. */
  get parameters(): number {
    return this.parameterCount;
  }
  get operations(): readonly Operation[] {
    return this.list;
  }

  h(qubit: number): this {
    return this.add('h', [], [qubit]);
  }
  x(qubit: number): this {
    return this.add('x', [], [qubit]);
  }
  y(qubit: number): this {
    return this.add('y', [], [qubit]);
  }
  z(qubit: number): this {
    return this.add('z', [], [qubit]);
  }
  s(qubit: number): this {
    return this.add('s', [], [qubit]);
  }
  sdg(qubit: number): this {
    return this.add('sdg', [], [qubit]);
  }
  t(qubit: number): this {
    return this.add('t', [], [qubit]);
  }
  tdg(qubit: number): this {
    return this.add('tdg', [], [qubit]);
  }
  sx(qubit: number): this {
    return this.add('sx', [], [qubit]);
  }
  sxdg(qubit: number): this {
    return this.add('sxdg', [], [qubit]);
  }
  rx(theta: Angle, qubit: number): this {
    return this.add('rx', [theta], [qubit]);
  }
  ry(theta: Angle, qubit: number): this {
    return this.add('ry', [theta], [qubit]);
  }
  rz(theta: Angle, qubit: number): this {
    return this.add('rz', [theta], [qubit]);
  }
  p(theta: Angle, qubit: number): this {
    return this.add('p', [theta], [qubit]);
  }
  u(theta: Angle, phi: Angle, lambda: Angle, qubit: number): this {
    return this.add('u', [theta, phi, lambda], [qubit]);
  }
  cx(control: number, target: number): this {
    return this.add('cx', [], [control, target]);
  }
  cy(control: number, target: number): this {
    return this.add('cy', [], [control, target]);
  }
  cz(control: number, target: number): this {
    return this.add('cz', [], [control, target]);
  }
  ch(control: number, target: number): this {
    return this.add('ch', [], [control, target]);
  }
  swap(a: number, b: number): this {
    return this.add('swap', [], [a, b]);
  }
  cp(theta: Angle, control: number, target: number): this {
    return this.add('cp', [theta], [control, target]);
  }
  crx(theta: Angle, control: number, target: number): this {
    return this.add('crx', [theta], [control, target]);
  }
  cry(theta: Angle, control: number, target: number): this {
    return this.add('cry', [theta], [control, target]);
  }
  crz(theta: Angle, control: number, target: number): this {
    return this.add('crz', [theta], [control, target]);
  }
  cu(theta: Angle, phi: Angle, lambda: Angle, gamma: Angle, control: number, target: number): this {
    return this.add('cu', [theta, phi, lambda, gamma], [control, target]);
  }
  rxx(theta: Angle, a: number, b: number): this {
    return this.add('rxx', [theta], [a, b]);
  }
  ryy(theta: Angle, a: number, b: number): this {
    return this.add('ryy', [theta], [a, b]);
  }
  rzz(theta: Angle, a: number, b: number): this {
    return this.add('rzz', [theta], [a, b]);
  }
  ccx(control1: number, control2: number, target: number): this {
    return this.add('ccx', [], [control1, control2, target]);
  }
  cswap(control: number, a: number, b: number): this {
    return this.add('cswap', [], [control, a, b]);
  }
  /** e^{i theta} on every amplitude; fidelities do not see it. */
  gphase(theta: Angle): this {
    return this.add('gphase', [theta], []);
  }

  /**
   * exp(-i theta / 2 P) of a Pauli string, read from right to left against the qubits as Qiskit does: in
   * `pauliRotation('ZX', theta, [0, 1])` X acts on qubit 0.
   */
  pauliRotation(pauli: string, theta: Angle, qubits: readonly number[]): this {
    if (typeof pauli !== 'string' || !/^[IXYZ]+$/.test(pauli)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `pauliRotation: pauli must be letters I, X, Y, Z, got ${describe(pauli)}`,
      );
    }
    checkList('pauliRotation', qubits);
    if (qubits.length !== pauli.length) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `pauliRotation: "${pauli}" takes ${pauli.length} qubits, got ${qubits.length}`,
      );
    }
    return this.push({ gate: 'pauli', qubits: [...qubits], angles: [theta], pauli }, 'pauliRotation');
  }

  /**
   * A fixed unitary.
   *
   * @param matrix 2^k rows of 2^k entries [re, im]; qubits[0] is the least significant bit of row and column.
   * @param qubits k of them, 1 to 3.
   */
  unitary(matrix: ComplexMatrix, qubits: readonly number[]): this {
    checkList('unitary', qubits);
    if (qubits.length < 1 || qubits.length > MAX_UNITARY_QUBITS) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `unitary: takes 1 to ${MAX_UNITARY_QUBITS} qubits, got ${qubits.length}`,
      );
    }
    checkUnitary(matrix, 2 ** qubits.length);
    const own = matrix.map((row) => row.map(([re, im]) => [re, im] as const));
    return this.push({ gate: 'unitary', qubits: [...qubits], angles: [], matrix: own }, 'unitary');
  }

  /** A gate by its name in the table of gates; `pauli` and `unitary` have methods of their own. */
  add(gate: FixedGateName, angles: readonly Angle[], qubits: readonly number[]): this {
    const entry = Object.hasOwn(GATES, gate) ? GATES[gate] : undefined;
    if (!entry) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `circuit: unknown gate "${gate}"${suggest(String(gate), Object.keys(GATES))}`,
      );
    }
    if (angles.length !== entry.angles.length || qubits.length !== entry.qubits) {
      throw new QrkdTypeError(
        'ERR_QRKD_TYPE',
        `${gate}: takes ${entry.angles.length} angles and ${entry.qubits} qubits, got ${angles.length} and ${qubits.length}`,
      );
    }
    return this.push({ gate, qubits: [...qubits], angles: [...angles] }, gate);
  }

  /** The gates of another circuit, which is no wider, on the same qubits, features and parameters. */
  append(other: Circuit): this {
    if (!(other instanceof Circuit)) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `append: takes a circuit, got ${describe(other)}`);
    }
    if (other.qubits > this.qubits) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `append: the circuit has ${other.qubits} qubits, this one ${this.qubits}`,
      );
    }
    this.checkOpen(other.list.length);
    for (const operation of [...other.list]) this.list.push(operation);
    this.featureCount = Math.max(this.featureCount, other.featureCount);
    this.parameterCount = Math.max(this.parameterCount, other.parameterCount);
    return this;
  }

  /** The circuit that undoes this one. */
  inverse(): Circuit {
    const result = this.like();
    for (const operation of this.list.toReversed()) result.list.push(inverseOf(operation));
    return result;
  }

  /** The same gates with every angle replaced. Declared features and parameters stay. */
  mapAngles(change: (angle: Angle) => Angle): Circuit {
    const result = this.like();
    // Repetitions share their angles; what is made of them is shared, too.
    const known = new Map<Angle, Angle>();
    for (const operation of this.list) {
      const angles = operation.angles.map((angle) => {
        const done = known.get(angle) ?? change(angle);
        known.set(angle, done);
        return done;
      });
      result.push(angles.length > 0 ? { ...operation, angles } : operation, operation.gate);
    }
    return result;
  }

  /**
   * The circuit with numbers for features and parameters.
   *
   * @param x the features of one sample
   * @param parameters as many as the circuit has
   */
  bind(x: ArrayLike<number>, parameters: ArrayLike<number> = []): Circuit {
    for (const [what, given, wanted] of [
      ['features', x, this.features],
      ['parameters', parameters, this.parameters],
    ] as const) {
      if (given?.length !== wanted) {
        throw new QrkdRangeError(
          'ERR_QRKD_SHAPE',
          `bind: takes ${wanted} ${what}, got ${given?.length ?? describe(given)}`,
        );
      }
    }
    const bound = new Circuit(this.qubits);
    for (const operation of this.list) {
      const angles = operation.angles.map((angle) =>
        typeof angle === 'number' ? angle : angle.evaluate(x, parameters),
      );
      bound.push({ ...operation, angles }, operation.gate);
    }
    return bound;
  }

  /** Plain JSON; {@link Circuit.fromJSON} reads it. */
  toJSON(): Required<CircuitJson> {
    const { qubits, features, parameters } = this;
    const operations = this.list.map(
      ({ gate, qubits, angles, pauli, matrix }): OperationJson => ({
        gate,
        qubits: [...qubits],
        ...(angles.length > 0 && { angles: angles.map(angleToJson) }),
        ...(pauli !== undefined && { pauli }),
        ...(matrix && { matrix: matrix.map((row) => row.map(([re, im]): [number, number] => [re, im])) }),
      }),
    );
    return { qubits, features, parameters, operations };
  }

  /** @throws TypeError or RangeError that names the operation by its number. */
  static fromJSON(json: CircuitJson): Circuit {
    rejectUnknownKeys(json, ['qubits', 'features', 'parameters', 'operations'], 'circuit');
    const { qubits, features, parameters, operations } = json;
    const result = new Circuit(qubits, { features, parameters });
    if (!Array.isArray(operations)) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `circuit: operations must be an array, got ${describe(operations)}`);
    }
    operations.forEach((operation, k) => {
      const where = `circuit, operation ${k}`;
      rejectUnknownKeys(operation, ['gate', 'qubits', 'angles', 'pauli', 'matrix'], where);
      const list = operation.angles ?? [];
      if (!Array.isArray(list)) {
        throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: angles must be an array, got ${describe(list)}`);
      }
      const angles = list.map((angle, a) => angleFromJson(angle, `${where}: angle ${a}`));
      checkList(where, operation.qubits);
      if (operation.gate === 'pauli') result.pauliRotation(operation.pauli!, angles[0]!, operation.qubits);
      else if (operation.gate === 'unitary') result.unitary(operation.matrix!, operation.qubits);
      else result.add(operation.gate, angles, operation.qubits);
    });
    return result;
  }

  /** The circuit in box-drawing characters, see {@link drawCircuit}. */
  draw(options?: DrawOptions): string {
    return drawCircuit(this, options);
  }

  /** The circuit as an SVG document, see {@link svgOfCircuit}. */
  svg(options?: SvgOptions): string {
    return svgOfCircuit(this, options);
  }

  /** OpenQASM 3 (or 2) of the circuit, see {@link writeQasm}. */
  toQasm(options?: QasmOptions): string {
    return writeQasm(this, options);
  }

  /** The circuit that an OpenQASM 3 or 2 text describes, see {@link readQasm}. */
  static fromQasm(text: string, options?: ReadQasmOptions): Circuit {
    return readQasm(text, options);
  }

  /** Refuses further gates. Feature maps freeze their circuits. */
  freeze(): this {
    this.frozen = true;
    return this;
  }

  /** Throws unless so many more operations may be added. */
  private checkOpen(more: number): void {
    if (this.frozen) {
      throw new QrkdTypeError(
        'ERR_QRKD_UNSUPPORTED',
        'this circuit is frozen, as those of feature maps are; append it to a new one',
      );
    }
    if (this.list.length + more > MAX_OPERATIONS) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `circuit: has more than ${MAX_OPERATIONS} gates`);
    }
  }

  /** An empty circuit of the same size. */
  private like(): Circuit {
    return new Circuit(this.qubits, { features: this.features, parameters: this.parameters });
  }

  /** Adds an operation whose gate fits its qubits and angles in number; it and its arrays become the circuit's own. */
  private push(operation: Operation, name: string): this {
    this.checkOpen(1);
    const { qubits, angles } = operation;
    qubits.forEach((qubit, k) => {
      wholeNumber(`${name}: qubit`, qubit, 0, this.qubits - 1);
      if (qubits.indexOf(qubit) < k) {
        throw new QrkdRangeError('ERR_QRKD_VALUE', `${name}: needs different qubits, got ${qubits.join(', ')}`);
      }
    });
    for (const angle of angles) {
      checkAngle(`${name}: the angle`, angle);
      if (angle instanceof AngleExpression) this.count(angle);
    }
    this.list.push(operation);
    return this;
  }

  private count(angle: AngleExpression): void {
    for (const { factors } of angle.terms) {
      for (const { variable, index } of factors) {
        if (variable === 'feature') this.featureCount = Math.max(this.featureCount, index + 1);
        else this.parameterCount = Math.max(this.parameterCount, index + 1);
      }
    }
  }
}

/** An empty circuit on |0...0> of so many qubits. See {@link Circuit}. */
export function circuit(qubits: number, options?: CircuitOptions): Circuit {
  return new Circuit(qubits, options);
}

function inverseOf(operation: Operation): Operation {
  const { gate, angles, matrix } = operation;
  if (gate === 'unitary') {
    const conjugate = matrix!.map((_, i) => matrix!.map((row) => [row[i]![0], -row[i]![1]] as const));
    return { ...operation, matrix: conjugate };
  }
  if (gate === 'pauli') return { ...operation, angles: [scaleAngle(angles[0]!, -1)] };
  const { inverse } = GATES[gate];
  return {
    ...operation,
    gate: inverse.gate as FixedGateName,
    angles: inverse.order.map((k) => scaleAngle(angles[k]!, -1)),
  };
}

function wholeNumber(what: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${what} must be a whole number, got ${describe(value)}`);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    const range = most < Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : `of at least ${least}`;
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${what} must be a whole number ${range}, got ${value}`);
  }
  return value;
}

function checkList(where: string, qubits: unknown): asserts qubits is readonly number[] {
  if (!Array.isArray(qubits)) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: qubits must be an array, got ${describe(qubits)}`);
  }
}

function checkUnitary(matrix: unknown, size: number): asserts matrix is ComplexMatrix {
  const entry = (value: unknown) => Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
  const row = (value: unknown) => Array.isArray(value) && value.length === size && value.every(entry);
  if (!Array.isArray(matrix) || matrix.length !== size || !matrix.every(row)) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `unitary: the matrix must have ${size} rows of ${size} finite entries [re, im], got ${describe(matrix)}`,
    );
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let [re, im] = [i === j ? -1 : 0, 0];
      for (let k = 0; k < size; k++) {
        const [[a, b], [c, d]] = [matrix[i][k], matrix[j][k]];
        re += a * c + b * d;
        im += b * c - a * d;
      }
      if (Math.hypot(re, im) > UNITARY_TOLERANCE) {
        throw new QrkdRangeError(
          'ERR_QRKD_VALUE',
          `unitary: the matrix is not unitary (rows ${j} and ${i} miss by ${Math.hypot(re, im).toPrecision(2)})`,
        );
      }
    }
  }
}
