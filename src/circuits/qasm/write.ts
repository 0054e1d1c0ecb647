import { QrkdRangeError, rejectUnknownKeys } from '../../errors.js';
import type { Angle, AngleExpression, Factor, Term } from '../angle.js';
import type { Circuit, Operation } from '../circuit.js';
import { type ComplexMatrix, GATES } from '../gates.js';
import { definitionOf, pauliGateName } from './definitions.js';
import { inputName } from './inputs.js';

export interface QasmOptions {
  /** Of OpenQASM; 3 by default. Version 2 knows no inputs. */
  version?: 2 | 3;
  /** The features of one sample; with them (or with `parameters`) the text has numbers instead of inputs. */
  x?: ArrayLike<number>;
  /** Values of the trainable parameters. */
  parameters?: ArrayLike<number>;
}

/**
 * The circuit as OpenQASM that Qiskit reads (`qiskit.qasm3.loads`, `qiskit.qasm2.loads`) and `Circuit.fromQasm` turns back into
 * the same gates. Features are inputs x0, x1, ..., parameters theta0, theta1, ...; numbers keep all their digits. Qiskit's reader knows
 * no functions of inputs: where an angle has an arccos, give it values.
 *
 * Fixed unitaries of one qubit become `U` with a global phase. Version 2 cannot say a global phase; RZ and u1 together do.
 *
 * @throws RangeError ERR_QRKD_UNSUPPORTED for a unitary on more qubits, ERR_QRKD_VALUE for another version, ERR_QRKD_SHAPE where values
 *   are missing or too many.
 */
export function writeQasm(circuit: Circuit, options: QasmOptions = {}): string {
  rejectUnknownKeys(options, ['version', 'x', 'parameters'], 'toQasm');
  const { version = 3, x, parameters } = options;
  if (version !== 2 && version !== 3) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `toQasm: version must be 2 or 3, got ${String(version)}`);
  }
  if (version === 2 && ((!x && circuit.features > 0) || (!parameters && circuit.parameters > 0))) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `toQasm: version 2 has no inputs; give values for the ${circuit.features} features (x) and ${circuit.parameters} parameters`,
    );
  }
  const bound = x || parameters ? circuit.bind(x ?? [], parameters ?? []) : circuit;
  return new Writer(bound, version).text();
}

class Writer {
  private readonly definitions = new Map<string, string>();

  constructor(
    private readonly circuit: Circuit,
    private readonly version: 2 | 3,
  ) {}

  text(): string {
    const { circuit, version } = this;
    const gates = circuit.operations.flatMap((operation, k) => this.operation(operation, k));
    const inputs = [
      ...Array.from({ length: circuit.features }, (_, i) => inputName('feature', i)),
      ...Array.from({ length: circuit.parameters }, (_, i) => inputName('parameter', i)),
    ];
    const lines = [
      `OPENQASM ${version}.0;`,
      `include "${version === 2 ? 'qelib1.inc' : 'stdgates.inc'}";`,
      ...[...this.definitions].map(([name, definition]) => `gate ${name}${definition}`),
      ...inputs.map((name) => `input float[64] ${name};`),
      version === 2 ? `qreg q[${circuit.qubits}];` : `qubit[${circuit.qubits}] q;`,
      ...gates,
    ];
    return `${lines.join('\n')}\n`;
  }

  private operation(operation: Operation, k: number): string[] {
    const { gate, qubits, angles, pauli, matrix } = operation;
    if (gate === 'gphase') return this.globalPhase(angles[0]);
    if (gate === 'unitary') return this.unitary(matrix!, qubits, k);
    const name = gate === 'pauli' ? pauliGateName(pauli!) : (GATES[gate].qasm ?? gate);
    const definition = definitionOf(name, this.version);
    if (definition) this.definitions.set(name, definition);
    return [call(name, angles, qubits)];
  }

  private globalPhase(angle: Angle): string[] {
    if (this.version === 3) return [`gphase(${angleSource(angle)});`];
    const twice = typeof angle === 'number' ? 2 * angle : angle.times(2);
    const minus = typeof twice === 'number' ? -twice : twice.negate();
    return [call('rz', [minus], [0]), call('u1', [twice], [0])];
  }

  private unitary(matrix: ComplexMatrix, qubits: readonly number[], k: number): string[] {
    if (qubits.length > 1) {
      throw new QrkdRangeError(
        'ERR_QRKD_UNSUPPORTED',
        `toQasm: operation ${k} is a unitary on ${qubits.length} qubits; OpenQASM has those of one qubit only, so build it of gates`,
      );
    }
    const { phase, angles } = eulerAngles(matrix);
    return [...(phase === 0 ? [] : this.globalPhase(phase)), call('U', angles, qubits)];
  }
}

function call(name: string, angles: readonly Angle[], qubits: readonly number[]): string {
  const list = angles.length > 0 ? `(${angles.map(angleSource).join(', ')})` : '';
  return `${name}${list} ${qubits.map((q) => `q[${q}]`).join(', ')};`;
}

/** matrix = e^{i phase} U(theta, phi, lambda). */
function eulerAngles([[a, b], [c, d]]: ComplexMatrix): { phase: number; angles: number[] } {
  const theta = 2 * Math.atan2(Math.hypot(...c), Math.hypot(...a));
  const argument = ([re, im]: readonly [number, number]) => Math.atan2(im, re);
  // An entry of size zero has no argument; then U has a free angle, and that of the other diagonal decides.
  if (Math.hypot(...a) > Math.hypot(...c)) {
    const phase = argument(a);
    const sum = argument(d) - phase;
    const phi = Math.hypot(...c) > 0 ? argument(c) - phase : 0;
    return { phase, angles: [theta, phi, sum - phi] };
  }
  const phi = Math.hypot(...a) > 0 ? argument(c) - argument(a) : argument(c);
  const phase = argument(c) - phi;
  return { phase, angles: [theta, phi, argument([-b[0], -b[1]]) - phase] };
}

function angleSource(angle: Angle): string {
  return typeof angle === 'number' ? numberSource(angle) : expressionSource(angle);
}

/** A number that reads back as the same float64: a simple fraction of pi where it is exactly that, else all digits. */
function numberSource(value: number): string {
  for (const denominator of [1, 2, 3, 4, 6, 8, 16]) {
    const numerator = Math.round((Math.abs(value) * denominator) / Math.PI);
    if (numerator === 0 || numerator > 64 || (numerator * Math.PI) / denominator !== Math.abs(value)) continue;
    const times = numerator === 1 ? 'pi' : `${numerator}*pi`;
    return `${value < 0 ? '-' : ''}${times}${denominator === 1 ? '' : `/${denominator}`}`;
  }
  // Whole numbers as such would be divided as such by whoever edits the text; 1e21 is a float already.
  return Number.isInteger(value) && !/e/.test(String(value)) ? `${value}.0` : String(value);
}

function expressionSource({ terms }: AngleExpression): string {
  return terms.map(termSource).join(' + ').replaceAll('+ -', '- ') || '0.0';
}

function termSource({ coefficient, factors }: Term): string {
  if (factors.length === 0) return numberSource(coefficient);
  const alone = factors.length === 1 && coefficient === 1;
  const product = factors.map((factor) => factorSource(factor, alone)).join('*');
  if (coefficient === 1) return product;
  return coefficient === -1 ? `-${product}` : `${numberSource(coefficient)}*${product}`;
}

function factorSource({ variable, index, offset, scale, function: f }: Factor, alone: boolean): string {
  const name = inputName(variable, index);
  const size = Math.abs(scale) === 1 ? name : `${numberSource(Math.abs(scale))}*${name}`;
  const sign = scale < 0 ? '-' : '';
  const sum = offset === 0 ? `${sign}${size}` : `${numberSource(offset)} ${sign || '+'} ${size}`;
  if (f === 'acos') return `arccos(${sum})`;
  return alone || (offset === 0 && scale === 1) ? sum : `(${sum})`;
}
