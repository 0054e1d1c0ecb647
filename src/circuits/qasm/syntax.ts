import type { Position } from './position.js';

/** What the parser makes of a text and the reader evaluates: the part of OpenQASM that describes circuits. */
export interface Program {
  /** 2 or 3, as the text says; 3 if it does not. */
  version: 2 | 3;
  statements: Statement[];
  end: Position;
}

export type Statement = Declaration | GateDefinition | GateCall | Measurement;

interface Located {
  at: Position;
}

export interface Declaration extends Located {
  kind: 'qubits' | 'bits' | 'input' | 'constant';
  name: string;
  /** Of registers and arrays. */
  size?: Expression;
  /** Of constants, with their type. */
  value?: Expression;
  type?: 'float' | 'int';
}

export interface GateDefinition extends Located {
  kind: 'definition';
  name: string;
  angles: string[];
  qubits: string[];
  body: GateCall[];
  /** Its tokens from the list of angles on, joined with spaces: equal for equal definitions. */
  text: string;
}

export interface GateCall extends Located {
  kind: 'gate';
  name: string;
  /** The outermost first, as written. */
  modifiers: Modifier[];
  angles: Expression[];
  qubits: QubitReference[];
}

export interface Modifier extends Located {
  kind: 'ctrl' | 'negctrl' | 'inv' | 'pow';
  argument?: Expression;
}

export interface Measurement extends Located {
  kind: 'measure';
  qubits: QubitReference;
}

/** A qubit, or a whole register. */
export interface QubitReference extends Located {
  name: string;
  index?: Expression;
}

export type Operator = '+' | '-' | '*' | '/' | '**';

export type Expression = Located &
  (
    | { kind: 'number'; value: number; integer: boolean }
    | { kind: 'name'; name: string; index?: Expression }
    | { kind: 'negative'; operand: Expression }
    | { kind: 'binary'; operator: Operator; left: Expression; right: Expression }
    | { kind: 'call'; name: string; arguments: Expression[] }
  );
