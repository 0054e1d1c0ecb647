import { describe, QrkdTypeError, rejectUnknownKeys } from '../../errors.js';
import { type Angle, AngleExpression } from '../angle.js';
import { Circuit } from '../circuit.js';
import { evaluate, evaluateNumber, evaluateWhole, type Scope, type Value } from './angles.js';
import { isOwnDefinition, pauliOfName } from './definitions.js';
import { GateExpander, type Primitive } from './expand.js';
import { elementAngle, inputAngle, type QasmInputs } from './inputs.js';
import { parseQasm } from './parse.js';
import { failAt, located, type Position } from './position.js';
import type { Declaration, GateCall, GateDefinition, Program, QubitReference } from './syntax.js';

export interface ReadQasmOptions {
  /** What inputs stand for that are not called x0, x1, ..., theta0, ...: `{ phi: parameter(0), t: feature(1).times(2) }`. */
  inputs?: QasmInputs;
}

/** Registers are at most so wide, as circuits are. */
const MOST_QUBITS = 2 ** 20;

/**
 * Reads a circuit from OpenQASM 3 or 2: gates of stdgates.inc and qelib1.inc (whether included or not), `U`, `gphase`, `gate`
 * definitions, the modifiers `ctrl @`, `negctrl @`, `inv @` and `pow(whole number) @`, registers and calls on whole
 * registers, constants and constant expressions. Registers are numbered in the order of their declarations.
 *
 * `input float x0;` is feature 0 and `input float theta0;` parameter 0; so are x_0, _x_0_ (Qiskit's x[0]), θ, and elements of
 * `input array[float[64], 4] x;`. Angles are sums, products and whole powers of inputs, and arccos of affine functions of one.
 * An input of type angle is taken as the number that it is given.
 *
 * Barriers change nothing and are ignored, and so are measurements after the last gate of their qubit, with the classical
 * registers that they fill. `U(theta, phi, lambda)` is Qiskit's, P(phi) RY(theta) P(lambda), without the global phase e^{i theta / 2} of
 * the OpenQASM 3.0 text.
 *
 * @throws RangeError whose message names line, column and construct: ERR_QRKD_FORMAT for what is no OpenQASM,
 *   ERR_QRKD_UNSUPPORTED for what a circuit cannot say (resets, classical control, loops, measurement in between ...),
 *   ERR_QRKD_VALUE for a wrong number.
 */
export function readQasm(text: string, options: ReadQasmOptions = {}): Circuit {
  if (typeof text !== 'string') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `fromQasm: the text must be a string, got ${describe(text)}`);
  }
  rejectUnknownKeys(options, ['inputs'], 'fromQasm');
  const { inputs = {} } = options;
  if (inputs === null || typeof inputs !== 'object') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `fromQasm: inputs must be an object, got ${describe(inputs)}`);
  }
  return new Reader(inputs).read(parseQasm(text));
}

class Reader {
  private readonly expander = new GateExpander();
  private readonly registers = new Map<string, { first: number; size: number | undefined }>();
  private readonly constants = new Map<string, Value>();
  private readonly inputs = new Map<string, { size: number | undefined; angles: readonly Angle[] }>();
  private readonly bits = new Set<string>();
  private readonly gates: (Primitive & { at: Position })[] = [];
  private readonly measured = new Map<number, Position>();
  private qubits = 0;
  private scope: Scope = { wholeDivision: true, lookup: (name, index, at) => this.lookup(name, index, at) };

  constructor(private readonly given: QasmInputs) {}

  read({ version, statements, end }: Program): Circuit {
    this.scope = { ...this.scope, wholeDivision: version === 3 };
    for (const statement of statements) {
      if (statement.kind === 'gate') this.call(statement);
      else if (statement.kind === 'definition') this.define(statement);
      else if (statement.kind === 'measure') this.measure(statement.qubits);
      else this.declare(statement);
    }
    if (this.qubits === 0) failAt(end, 'ERR_QRKD_FORMAT', 'the text declares no qubits');
    const declared = [...this.inputs.values()].flatMap(({ angles }) => angles);
    const circuit = new Circuit(this.qubits, {
      features: countOf(declared, 'feature'),
      parameters: countOf(declared, 'parameter'),
    });
    for (const { gate, angles, qubits, pauli, at } of this.gates) {
      located(at, () =>
        gate === 'pauli' ? circuit.pauliRotation(pauli!, angles[0]!, qubits) : circuit.add(gate, angles, qubits),
      );
    }
    return circuit;
  }

  private checkNew(name: string, at: Position): void {
    const tables = [this.registers, this.constants, this.inputs, this.bits];
    if (this.expander.isDefined(name) || tables.some((table) => table.has(name))) {
      failAt(at, 'ERR_QRKD_FORMAT', `"${name}" is declared twice`);
    }
  }

  private declare({ kind, name, size, value, type, at }: Declaration): void {
    this.checkNew(name, at);
    const count = size && evaluateWhole(size, this.scope, `the size of ${name}`, 1);
    if (count !== undefined && (kind === 'qubits' ? this.qubits : 0) + count > MOST_QUBITS) {
      failAt(at, 'ERR_QRKD_VALUE', `${name}: at most ${MOST_QUBITS} in all are possible, got ${count}`);
    }
    if (kind === 'qubits') {
      this.registers.set(name, { first: this.qubits, size: count });
      this.qubits += count ?? 1;
    } else if (kind === 'bits') {
      this.bits.add(name);
    } else if (kind === 'constant') {
      const integer = type === 'int';
      const what = `the constant ${name}`;
      const number = integer
        ? evaluateWhole(value!, this.scope, what, -Infinity)
        : evaluateNumber(value!, this.scope, what);
      this.constants.set(name, { angle: number, integer });
    } else {
      const angles =
        count === undefined
          ? [inputAngle(name, this.given, at)]
          : Array.from({ length: count }, (_, k) => elementAngle(name, k, this.given, at));
      this.inputs.set(name, { size: count, angles });
    }
  }

  private define(definition: GateDefinition): void {
    const { name, text, at } = definition;
    this.checkNew(name, at);
    // Our writer's own definitions are read as the gates that they were.
    if (isOwnDefinition(name, text)) this.expander.defineAs(definition, pauliOfName(name));
    else this.expander.define(definition, this.scope);
  }

  private lookup(name: string, index: number | undefined, at: Position): Value | undefined {
    const constant = this.constants.get(name);
    if (constant && index === undefined) return constant;
    const input = this.inputs.get(name);
    if (!input) return undefined;
    if ((index === undefined) !== (input.size === undefined)) {
      failAt(
        at,
        'ERR_QRKD_FORMAT',
        `input ${name} is ${input.size === undefined ? 'no array' : 'an array: name an element'}`,
      );
    }
    const angle = input.angles[index ?? 0];
    if (angle === undefined) {
      failAt(at, 'ERR_QRKD_VALUE', `input ${name} has elements 0 to ${input.size! - 1}, got ${index}`);
    }
    return { angle, integer: false };
  }

  /** The numbers of a register's qubits, or of one. */
  private wires({ name, index, at }: QubitReference): { whole: boolean; numbers: number[] } {
    const register = this.registers.get(name);
    if (!register) failAt(at, 'ERR_QRKD_FORMAT', `no register of qubits is called "${name}"`);
    const { first, size } = register;
    if (!index) {
      return { whole: size !== undefined, numbers: Array.from({ length: size ?? 1 }, (_, k) => first + k) };
    }
    const place = evaluateWhole(index, this.scope, `the index of ${name}`, 0);
    if (place >= (size ?? 0)) {
      const has = size === undefined ? 'is a single qubit' : `has qubits 0 to ${size - 1}`;
      failAt(at, 'ERR_QRKD_VALUE', `register ${name} ${has}, got ${place}`);
    }
    return { whole: false, numbers: [first + place] };
  }

  private measure(reference: QubitReference): void {
    const { numbers } = this.wires(reference);
    this.expander.spend(numbers.length, reference.at);
    for (const qubit of numbers) this.measured.set(qubit, reference.at);
  }

  private call(call: GateCall): void {
    // First of all: what looks like a gate may be a statement that was mistyped.
    this.expander.checkKnown(call.name, call.at);
    const angles = call.angles.map((angle) => evaluate(angle, this.scope).angle);
    const operands = call.qubits.map((reference) => this.wires(reference));
    const registers = operands.filter(({ whole }) => whole);
    const times = registers[0]?.numbers.length ?? 1;
    if (registers.some(({ numbers }) => numbers.length !== times)) {
      const sizes = registers.map(({ numbers }) => numbers.length).join(' and ');
      failAt(call.at, 'ERR_QRKD_FORMAT', `${call.name}: registers must have the same size, got ${sizes}`);
    }
    for (let k = 0; k < times; k++) {
      const qubits = operands.map(({ whole, numbers }) => numbers[whole ? k : 0]!);
      if (new Set(qubits).size < qubits.length) {
        failAt(call.at, 'ERR_QRKD_FORMAT', `${call.name}: needs different qubits, one is named twice`);
      }
      for (const qubit of qubits) {
        const measured = this.measured.get(qubit);
        if (measured) {
          failAt(
            call.at,
            'ERR_QRKD_UNSUPPORTED',
            `${call.name}: a gate on a qubit after its measurement (line ${measured.line}) is not supported`,
          );
        }
      }
      for (const primitive of this.expander.expand(call, angles, qubits, this.scope)) {
        this.gates.push({ ...primitive, at: call.at });
      }
    }
  }
}

/** One more than the highest feature or parameter in any of the angles. */
function countOf(angles: readonly Angle[], kind: 'feature' | 'parameter'): number {
  let count = 0;
  for (const angle of angles) {
    for (const { factors } of angle instanceof AngleExpression ? angle.terms : []) {
      for (const { variable, index } of factors) if (variable === kind) count = Math.max(count, index + 1);
    }
  }
  return count;
}
