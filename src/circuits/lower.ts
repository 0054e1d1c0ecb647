import type { NativeCircuit } from '../engine/native.js';
import type { Angle, AngleExpression } from './angle.js';
import type { Circuit, Operation } from './circuit.js';
import { type Basis, type ComplexMatrix, GATES, rotatePauli, type ScaledAngle } from './gates.js';

/** Numbers of the engine's gates and functions. */
const KIND = { h: 0, rx: 1, ry: 2, phase: 3, global: 4, x: 5, cx: 6, swap: 7, unitary: 8 } as const;
const FUNCTION = { identity: 0, acos: 1 } as const;

/**
 * The circuit in the gates and arrays of the engine: gate by gate and exact, global phase included. Making it fast is the
 * engine's business.
 */
export function lowerCircuit(circuit: Circuit): NativeCircuit {
  const { features, parameters, qubits } = circuit;
  const angles = new AngleTable(features);
  const gates = new GateList();
  for (const operation of circuit.operations) lowerOperation(operation, gates, angles);
  return { kind: 'circuit', features, parameters, qubits, map: angles.arrays(), ...gates.arrays() };
}

function lowerOperation({ gate, qubits, angles, pauli, matrix }: Operation, gates: GateList, table: AngleTable): void {
  gates.operands = angles.map((angle) => table.reference(angle));
  const own = angles.map((_, index): ScaledAngle => ({ index, factor: 1 }));
  if (gate === 'unitary') gates.unitary(matrix!, qubits);
  else if (gate === 'pauli') rotatePauli(gates, [...pauli!].reverse().join(''), own[0], qubits);
  else GATES[gate].decompose(gates, own, qubits);
}

/** Collects the engine's gates. */
class GateList implements Basis {
  /** Angles of the operation that is being lowered. */
  operands: ScaledAngle[] = [];
  private readonly kinds: number[] = [];
  private readonly angles: number[] = [];
  private readonly scales: number[] = [];
  private readonly qubits: number[] = [];
  private readonly qubitStarts = [0];
  private readonly matrices: number[] = [];

  h(qubit: number): void {
    this.gate(KIND.h, [qubit]);
  }
  x(qubit: number): void {
    this.gate(KIND.x, [qubit]);
  }
  rx(angle: ScaledAngle, qubit: number): void {
    this.gate(KIND.rx, [qubit], angle);
  }
  ry(angle: ScaledAngle, qubit: number): void {
    this.gate(KIND.ry, [qubit], angle);
  }
  phase(angle: ScaledAngle, ...qubits: number[]): void {
    this.gate(KIND.phase, qubits, angle);
  }
  global(angle: ScaledAngle): void {
    this.gate(KIND.global, [], angle);
  }
  cx(control: number, target: number): void {
    this.gate(KIND.cx, [control, target]);
  }
  swap(a: number, b: number): void {
    this.gate(KIND.swap, [a, b]);
  }
  unitary(matrix: ComplexMatrix, qubits: readonly number[]): void {
    this.gate(KIND.unitary, qubits);
    for (const entry of matrix.flat()) this.matrices.push(...entry);
  }

  arrays() {
    return {
      kinds: Int32Array.from(this.kinds),
      angles: Int32Array.from(this.angles),
      scales: Float64Array.from(this.scales),
      qubitStarts: Int32Array.from(this.qubitStarts),
      gateQubits: Int32Array.from(this.qubits),
      matrices: Float64Array.from(this.matrices),
    };
  }

  private gate(
    kind: number,
    qubits: readonly number[],
    { index, factor }: ScaledAngle = { index: -1, factor: 0 },
  ): void {
    const operand = index < 0 ? { index, factor: 1 } : this.operands[index];
    this.kinds.push(kind);
    this.angles.push(operand.index);
    this.scales.push(factor * operand.factor);
    for (const qubit of qubits) this.qubits.push(qubit);
    this.qubitStarts.push(this.qubits.length);
  }
}

/** Numbers the expressions of a circuit, equal ones once: the engine computes each of them once a sample. */
class AngleTable {
  private readonly expressions: AngleExpression[] = [];
  private readonly indices = new Map<string, number>();

  constructor(private readonly features: number) {}

  /** A constant, or the number of an expression. */
  reference(angle: Angle): ScaledAngle {
    if (typeof angle === 'number') return { index: -1, factor: angle };
    const { key } = angle;
    let index = this.indices.get(key);
    if (index === undefined) {
      index = this.expressions.push(angle) - 1;
      this.indices.set(key, index);
    }
    return { index, factor: 1 };
  }

  arrays(): NativeCircuit['map'] {
    const terms = this.expressions.flatMap((e) => e.terms);
    const factors = terms.flatMap((t) => t.factors);
    return {
      starts: running(this.expressions.map((e) => e.terms.length)),
      coefficients: Float64Array.from(terms, (t) => t.coefficient),
      factorStarts: running(terms.map((t) => t.factors.length)),
      variables: Int32Array.from(factors, (f) => (f.variable === 'feature' ? f.index : this.features + f.index)),
      offsets: Float64Array.from(factors, (f) => f.offset),
      scales: Float64Array.from(factors, (f) => f.scale),
      functions: Int32Array.from(factors, (f) => FUNCTION[f.function]),
    };
  }
}

/** Where each part begins when parts of these lengths lie one after the other; the last entry is the total. */
function running(lengths: number[]): Int32Array {
  const starts = new Int32Array(lengths.length + 1);
  for (const [k, length] of lengths.entries()) starts[k + 1] = starts[k] + length;
  return starts;
}
