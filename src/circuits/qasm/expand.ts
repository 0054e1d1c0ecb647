import { type Angle, scaleAngle } from '../angle.js';
import { type FixedGateName, GATES } from '../gates.js';
import { evaluate, evaluateWhole, type Scope } from './angles.js';
import { definitionOf, pauliGateName } from './definitions.js';
import { CONTROLLED, LIBRARY, PARTS, STANDARD_GATES } from './library.js';
import { parseQasm } from './parse.js';
import { failAt, type Position } from './position.js';
import type { GateCall, GateDefinition } from './syntax.js';

/** One gate of the table of gates, or a Pauli rotation, on numbered qubits. */
export interface Primitive {
  readonly gate: FixedGateName | 'pauli';
  readonly angles: readonly Angle[];
  readonly qubits: readonly number[];
  readonly pauli?: string;
}

/** A gate that a text can call. */
interface Callable {
  angles: number;
  qubits: number;
  /** Levels of definitions below it. */
  depth: number;
  expand(angles: readonly Angle[], qubits: readonly number[]): Primitive[];
}

/** More gates than this are a mistake, or meant to exhaust time and memory. */
const MOST_GATES = 1_000_000;
const MOST_LEVELS = 100;

/** What library texts see: none of the names of the user's text. */
const NO_NAMES: Scope = { lookup: () => undefined, wholeDivision: false };

/** The gates that a text knows, and how calls of them become gates of ours: definitions and modifiers are carried out. */
export class GateExpander {
  private readonly defined = new Map<string, Callable>();
  private readonly library = new Map<string, Callable>();
  private parts: GateExpander | undefined;

  constructor(private readonly budget = { left: MOST_GATES }) {}

  isDefined(name: string): boolean {
    return this.defined.has(name);
  }

  /** Throws unless the text may call a gate of this name here. */
  checkKnown(name: string, at: Position): void {
    this.resolve(name, at);
  }

  /** Adds a definition; gates in its body mean what they mean at this place of the text. */
  define(definition: GateDefinition, globals: Scope): void {
    this.defined.set(definition.name, this.compile(definition, globals));
  }

  /** Adds a name for one of our gates, or for the rotation of a Pauli string. */
  defineAs({ name, angles, qubits }: GateDefinition, pauli?: string): void {
    const gate = pauli === undefined ? (name as FixedGateName) : 'pauli';
    this.defined.set(name, {
      angles: angles.length,
      qubits: qubits.length,
      depth: 1,
      expand: (values, numbers) => [{ gate, angles: values, qubits: numbers, ...(pauli !== undefined && { pauli }) }],
    });
  }

  /** The gates that one call means on these qubits. */
  expand(call: GateCall, angles: readonly Angle[], qubits: readonly number[], scope: Scope): Primitive[] {
    return this.modified(call, 0, this.resolve(call.name, call.at), angles, qubits, scope);
  }

  private compile({ name, angles, qubits, body, at }: GateDefinition, globals: Scope): Callable {
    const callees = body.map((call) => this.resolve(call.name, call.at));
    const depth = callees.reduce((most, callee) => Math.max(most, callee.depth + 1), 1);
    if (depth > MOST_LEVELS) {
      failAt(at, 'ERR_QRKD_UNSUPPORTED', `gate definitions may use each other over at most ${MOST_LEVELS} levels`);
    }
    const numbering = new Map(qubits.map((qubit, k) => [qubit, k]));
    const places = body.map((call) =>
      call.qubits.map((qubit) => {
        const place = qubit.index ? undefined : numbering.get(qubit.name);
        if (place === undefined) failAt(qubit.at, 'ERR_QRKD_FORMAT', `"${qubit.name}" is no qubit of gate ${name}`);
        return place;
      }),
    );
    const expand = (values: readonly Angle[], numbers: readonly number[]): Primitive[] => {
      const scope = withNames(globals, angles, values);
      return body.flatMap((call, k) => {
        const own = call.angles.map((angle) => evaluate(angle, scope).angle);
        this.spend(termCount(own), call.at);
        const wires = places[k]!.map((place) => numbers[place]!);
        return this.modified(call, 0, callees[k]!, own, wires, scope);
      });
    };
    return { angles: angles.length, qubits: qubits.length, depth, expand };
  }

  private resolve(name: string, at: Position): Callable {
    const known = this.defined.get(name) ?? this.library.get(name);
    if (known) return known;
    if (Object.hasOwn(STANDARD_GATES, name)) {
      const { gate, angles, qubits, convert } = STANDARD_GATES[name]!;
      const expand = (values: readonly Angle[], numbers: readonly number[]): Primitive[] =>
        gate ? [{ gate, angles: convert([...values]), qubits: numbers }] : [];
      return { angles, qubits, depth: 0, expand };
    }
    const definition = definitionsOf(LIBRARY).get(name);
    if (!definition) {
      failAt(at, 'ERR_QRKD_UNSUPPORTED', `unknown gate "${name}"; a gate must be a standard one or defined before`);
    }
    const callable = this.compile(definition, NO_NAMES);
    this.library.set(name, callable);
    return callable;
  }

  /** Carries out the modifiers from number k on, the outermost first. */
  private modified(
    call: GateCall,
    k: number,
    callee: Callable,
    angles: readonly Angle[],
    qubits: readonly number[],
    scope: Scope,
  ): Primitive[] {
    const modifier = call.modifiers[k];
    if (!modifier) {
      checkCounts(call, callee, angles.length, qubits);
      return this.counted(callee.expand(angles, qubits), call.at);
    }
    const { kind, argument, at } = modifier;
    const inner = (on: readonly number[]) => this.modified(call, k + 1, callee, angles, on, scope);
    if (kind === 'inv') return inverse(inner(qubits));
    if (kind === 'pow') {
      const exponent = evaluateWhole(argument!, scope, 'the power', -Infinity);
      const once = exponent < 0 ? inverse(inner(qubits)) : inner(qubits);
      const copies = Math.min(Math.abs(exponent), MOST_GATES + 1);
      if (copies * Math.max(1, once.length) > this.budget.left) tooMany(at);
      return this.counted(Array.from({ length: copies }, () => once).flat(), at);
    }
    const controls = argument ? evaluateWhole(argument, scope, 'the number of controls', 1) : 1;
    if (controls > qubits.length) {
      failAt(at, 'ERR_QRKD_FORMAT', `${controls} controls need as many qubits, got ${qubits.length}`);
    }
    const wires = qubits.slice(0, controls);
    let gates = inner(qubits.slice(controls));
    for (const wire of wires) {
      gates = gates.flatMap((gate) => this.counted(this.controlled(gate, wire, at), at));
    }
    const flips = kind === 'negctrl' ? wires.map((wire): Primitive => ({ gate: 'x', angles: [], qubits: [wire] })) : [];
    return [...flips, ...gates, ...flips];
  }

  private controlled(primitive: Primitive, control: number, at: Position): Primitive[] {
    const { gate, angles, qubits } = primitive;
    const under = gate === 'pauli' ? undefined : CONTROLLED[gate];
    if (under) return [{ gate: under, angles, qubits: [control, ...qubits] }];
    const name = gate === 'pauli' ? pauliGateName(primitive.pauli!) : gate;
    const part = this.partsOf(name);
    if (!part) {
      failAt(
        at,
        'ERR_QRKD_UNSUPPORTED',
        'a control on U is not supported, since implementations differ in its phase; use cu',
      );
    }
    return part.expand(angles, qubits).flatMap((inner) => this.controlled(inner, control, at));
  }

  private partsOf(name: string): Callable | undefined {
    if (!this.parts) {
      this.parts = new GateExpander(this.budget);
      for (const definition of definitionsOf(PARTS).values()) this.parts.define(definition, NO_NAMES);
    }
    const { parts } = this;
    const pauli = name.startsWith('pauli_') && !parts.isDefined(name) ? definitionOf(name, 3) : undefined;
    if (pauli) parts.define(definitionsOf(`gate ${name}${pauli}`).get(name)!, NO_NAMES);
    return parts.defined.get(name);
  }

  /** Counts work, so that short texts of long meaning end before memory and patience do. */
  spend(steps: number, at: Position): void {
    this.budget.left -= steps;
    if (this.budget.left < 0) tooMany(at);
  }

  private counted(gates: Primitive[], at: Position): Primitive[] {
    this.spend(1 + gates.length, at);
    return gates;
  }
}

function tooMany(at: Position): never {
  failAt(at, 'ERR_QRKD_UNSUPPORTED', `the text stands for too many gates (about ${MOST_GATES / 2} are possible)`);
}

function checkCounts(call: GateCall, callee: Callable, angles: number, qubits: readonly number[]): void {
  if (angles !== callee.angles || qubits.length !== callee.qubits) {
    const wanted = `${callee.angles} angles and ${callee.qubits} qubits`;
    const controls = call.modifiers.some(({ kind }) => kind === 'ctrl' || kind === 'negctrl') ? ' after controls' : '';
    failAt(call.at, 'ERR_QRKD_FORMAT', `${call.name} takes ${wanted}${controls}, got ${angles} and ${qubits.length}`);
  }
}

/** The gates undone, in reverse order. */
function inverse(gates: readonly Primitive[]): Primitive[] {
  return gates.toReversed().map((primitive): Primitive => {
    const { gate, angles } = primitive;
    if (gate === 'pauli') return { ...primitive, angles: [scaleAngle(angles[0]!, -1)] };
    const { gate: opposite, order } = GATES[gate].inverse;
    return { ...primitive, gate: opposite as FixedGateName, angles: order.map((k) => scaleAngle(angles[k]!, -1)) };
  });
}

/** Terms beyond the first of each angle. */
function termCount(angles: readonly Angle[]): number {
  return angles.reduce<number>((sum, angle) => sum + (typeof angle === 'number' ? 0 : angle.terms.length - 1), 0);
}

function withNames(globals: Scope, names: readonly string[], values: readonly Angle[]): Scope {
  const known = new Map(names.map((name, k) => [name, values[k]!]));
  return {
    wholeDivision: globals.wholeDivision,
    lookup: (name, index, at) => {
      const angle = index === undefined ? known.get(name) : undefined;
      return angle === undefined ? globals.lookup(name, index, at) : { angle, integer: false };
    },
  };
}

const parsed = new Map<string, Map<string, GateDefinition>>();

/** The definitions of a library text, parsed when first asked for. */
function definitionsOf(text: string): Map<string, GateDefinition> {
  let known = parsed.get(text);
  if (!known) {
    const statements = parseQasm(text).statements.filter((s): s is GateDefinition => s.kind === 'definition');
    known = new Map(statements.map((definition) => [definition.name, definition]));
    parsed.set(text, known);
  }
  return known;
}
