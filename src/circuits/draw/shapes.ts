import { type Angle, AngleExpression, angleText } from '../angle.js';
import type { Operation } from '../circuit.js';
import { GATES } from '../gates.js';

/** What a gate looks like, before it has a place. */
export interface Shape {
  /** The topmost and the lowest wire that it covers. */
  readonly top: number;
  readonly bottom: number;
  readonly controls: readonly number[];
  /** Wires with the cross of a swap. */
  readonly crosses: readonly number[];
  /** The wire with the circled plus of a controlled X. */
  readonly target?: number;
  readonly box?: Box;
  /** What its angles depend on. */
  readonly source: Source;
  /** Gate, angles and qubits in words. */
  readonly description: string;
}

export interface Box {
  readonly label: string;
  readonly top: number;
  readonly bottom: number;
  /** What stands at a wire that takes part (a Pauli letter, the place of a qubit, or nothing); other wires pass behind. */
  readonly marks: ReadonlyMap<number, string>;
}

export type Source = 'constant' | 'features' | 'parameters' | 'both';

/** Longer texts are cut; the description of a gate keeps its angles whole. */
const MOST_LETTERS = 44;
/** Strings of up to so many letters are part of a rotation's name. */
const MOST_PAULIS = 3;

/** The shape of a gate that acts on qubits (a global phase does not). */
export function shapeOf(operation: Operation): Shape {
  const { gate, qubits, angles } = operation;
  const controls = gate === 'pauli' || gate === 'unitary' ? 0 : GATES[gate].controls;
  const common = {
    top: Math.min(...qubits),
    bottom: Math.max(...qubits),
    controls: qubits.slice(0, controls),
    crosses: [],
    source: sourceOf(angles),
    description: `${gateText(operation)} on ${qubits.map((q) => `q${q}`).join(', ')}`,
  };
  const rest = qubits.slice(controls);
  if (gate === 'cx' || gate === 'ccx') return { ...common, target: rest[0] };
  if (gate === 'cz') return { ...common, controls: qubits };
  if (gate === 'swap' || gate === 'cswap') return { ...common, crosses: rest };
  return { ...common, box: boxOf(operation, rest) };
}

function boxOf(operation: Operation, qubits: readonly number[]): Box {
  const { gate, pauli } = operation;
  const mark = (k: number) => {
    if (pauli) return pauli[pauli.length - 1 - k];
    return gate === 'unitary' ? String(k) : '';
  };
  const marks = new Map(qubits.map((qubit, k) => [qubit, qubits.length > 1 ? mark(k) : '']));
  return { label: shortened(gateText(operation)), top: Math.min(...qubits), bottom: Math.max(...qubits), marks };
}

/** Name and angles: `RY(θ0·x1 + 0.5)`. */
function gateText({ gate, angles, pauli }: Operation): string {
  const list = angles.length > 0 ? `(${angles.map(angleLabel).join(', ')})` : '';
  if (gate === 'pauli') return `R${pauli!.length <= MOST_PAULIS ? pauli : ''}${list}`;
  return `${gate === 'unitary' ? 'U' : GATES[gate].label}${list}`;
}

/** An angle with the field's letters: x for features, θ for parameters. */
export function angleLabel(angle: Angle): string {
  if (typeof angle === 'number') return angleText(angle);
  return String(angle)
    .replaceAll('*', '·')
    .replace(/\bp(?=\d)/g, 'θ');
}

/** The text, or as much of it as has a place in a drawing. */
export function shortened(text: string): string {
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text;
}

function sourceOf(angles: readonly Angle[]): Source {
  const factors = angles.flatMap((angle) =>
    angle instanceof AngleExpression ? angle.terms.flatMap((term) => term.factors) : [],
  );
  const uses = (kind: string) => factors.some((factor) => factor.variable === kind);
  if (uses('feature')) return uses('parameter') ? 'both' : 'features';
  return uses('parameter') ? 'parameters' : 'constant';
}
