import { parseExpression } from './expressions.js';
import { failAt } from './position.js';
import type {
  Declaration,
  Expression,
  GateCall,
  GateDefinition,
  Measurement,
  Modifier,
  Program,
  QubitReference,
  Statement,
} from './syntax.js';
import { TokenStream } from './tokenStream.js';
import { type Token, tokenValue } from './tokens.js';

/** First words of statements that say more than a circuit on |0...0> can; `message` says what they are. */
const UNSUPPORTED: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    'classical control': 'if else switch case default while for break continue end',
    'a subroutine': 'def extern return defcal defcalgrammar cal opaque',
    'a reset': 'reset',
    timing: 'delay box durationof stretch duration',
    'an output': 'output',
    'an alias': 'let',
    'a classical variable (only const, input and bit are known)':
      'int uint float angle bool complex array mutable readonly',
    'a pragma or annotation': '# @',
  }).flatMap(([message, words]) => words.split(' ').map((word) => [word, message])),
);
/** Of these words QASM 2 knows no meaning: there they may be names of gates. */
const UNSUPPORTED_2 = ['if', 'opaque', 'reset', '#'];
const INCLUDES = ['stdgates.inc', 'qelib1.inc'];
const MODIFIERS = ['ctrl', 'negctrl', 'inv', 'pow'] as const;
/** They are carried out recursively. */
const MOST_MODIFIERS = 100;
const FLOATS = ['float', 'angle'];
const INTEGERS = ['int', 'uint'];

/**
 * Parses OpenQASM 2 or 3. Barriers are dropped, for they change no state.
 *
 * @throws RangeError ERR_QRKD_FORMAT for what is no OpenQASM, ERR_QRKD_UNSUPPORTED for what is no circuit; the message names
 *   line, column and construct.
 */
export function parseQasm(text: string): Program {
  return new Parser(text).program();
}

class Parser {
  private readonly stream: TokenStream;
  private version: 2 | 3 = 3;

  constructor(text: string) {
    this.stream = new TokenStream(text);
  }

  program(): Program {
    const { stream } = this;
    if (stream.accept('OPENQASM')) this.version = this.readVersion();
    const statements: Statement[] = [];
    while (stream.peek().kind !== 'end') {
      const statement = this.statement();
      if (statement) statements.push(statement);
    }
    return { version: this.version, statements, end: stream.peek() };
  }

  private readVersion(): 2 | 3 {
    const token = this.stream.take();
    const major = token.kind === 'float' || token.kind === 'integer' ? Math.floor(tokenValue(token)) : 0;
    if (major !== 2 && major !== 3) {
      failAt(token, 'ERR_QRKD_UNSUPPORTED', `expected OpenQASM version 2.0 or 3.0, found "${token.text}"`);
    }
    this.stream.expect(';');
    return major;
  }

  private statement(): Statement | undefined {
    const { stream } = this;
    const first = stream.peek();
    this.refuseUnsupported(first);
    const word = first.kind === 'name' ? first.text : '';
    if (word === 'include') return this.include();
    if (word === 'gate') return this.definition();
    if (word === 'barrier') return this.barrier();
    if (word === 'measure') return this.measurement();
    if (word === 'qreg' || word === 'creg') return this.oldRegister(word === 'qreg' ? 'qubits' : 'bits');
    if (this.version === 3) {
      if (word === 'qubit' || word === 'bit') return this.register(word === 'qubit' ? 'qubits' : 'bits');
      if (word === 'input') return this.input();
      if (word === 'const') return this.constant();
      const assigned = this.assignedMeasurement();
      if (assigned) return assigned;
    }
    return this.gateCall();
  }

  private refuseUnsupported({ kind, text, line, column }: Token): void {
    const known = this.version === 3 || UNSUPPORTED_2.includes(text);
    if ((kind === 'name' || kind === 'symbol') && known && Object.hasOwn(UNSUPPORTED, text)) {
      failAt({ line, column }, 'ERR_QRKD_UNSUPPORTED', `"${text}" (${UNSUPPORTED[text]}) is not supported`);
    }
  }

  private include(): undefined {
    this.stream.take();
    const file = this.stream.expectKind('string', 'the name of a file in quotes');
    if (!INCLUDES.includes(file.text)) {
      failAt(
        file,
        'ERR_QRKD_UNSUPPORTED',
        `include "${file.text}" is not supported (known: ${INCLUDES.join(', ')}); put its gate definitions into the text`,
      );
    }
    this.stream.expect(';');
  }

  private name(what: string): Token {
    return this.stream.expectKind('name', what);
  }

  private size(): Expression | undefined {
    if (!this.stream.accept('[')) return undefined;
    const size = parseExpression(this.stream);
    this.stream.expect(']');
    return size;
  }

  /** qubit[2] q; bit c; bit[2] c = measure q; */
  private register(kind: 'qubits' | 'bits'): Declaration | Measurement {
    this.stream.take();
    const size = this.size();
    const at = this.name('the name of a register');
    if (kind === 'bits' && this.stream.accept('=')) {
      if (this.stream.peek().text !== 'measure') {
        failAt(this.stream.peek(), 'ERR_QRKD_UNSUPPORTED', 'the value of a classical bit is not supported');
      }
      return this.measurement();
    }
    this.stream.expect(';');
    return { kind, name: at.text, size, at };
  }

  /** qreg q[2]; creg c[2]; */
  private oldRegister(kind: 'qubits' | 'bits'): Declaration {
    this.stream.take();
    const at = this.name('the name of a register');
    const size = this.size();
    this.stream.expect(';');
    return { kind, name: at.text, size, at };
  }

  /** input float[64] x0; input angle phi; input array[float[64], 3] x; */
  private input(): Declaration {
    this.stream.take();
    let size: Expression | undefined;
    if (this.stream.accept('array')) {
      this.stream.expect('[');
      this.type(FLOATS, 'an array of float or angle');
      this.stream.expect(',');
      size = parseExpression(this.stream);
      this.stream.expect(']');
    } else {
      this.type(FLOATS, 'an input of type float, angle or array');
    }
    const at = this.name('the name of an input');
    this.stream.expect(';');
    return { kind: 'input', name: at.text, size, at };
  }

  /** const int n = 3; const float[64] a = pi / 2; */
  private constant(): Declaration {
    this.stream.take();
    const type = this.type([...FLOATS, ...INTEGERS], 'a constant of type float, angle, int or uint');
    const at = this.name('the name of a constant');
    this.stream.expect('=');
    const value = parseExpression(this.stream);
    this.stream.expect(';');
    return { kind: 'constant', name: at.text, value, type: INTEGERS.includes(type) ? 'int' : 'float', at };
  }

  /** A type, whose width in bits makes no difference here. */
  private type(known: readonly string[], what: string): string {
    const token = this.name(what);
    if (!known.includes(token.text)) {
      failAt(token, 'ERR_QRKD_UNSUPPORTED', `expected ${what}, found "${token.text}"`);
    }
    this.size();
    return token.text;
  }

  private definition(): GateDefinition {
    const { stream } = this;
    stream.take();
    const at = this.name('the name of a gate');
    const start = stream.mark;
    const name = (what: string) => () => this.name(what).text;
    const angles = stream.accept('(') ? stream.list(')', name('the name of an angle')) : [];
    const qubits = stream.list('{', name('the name of a qubit'));
    const seen = new Set<string>();
    for (const word of [...angles, ...qubits]) {
      if (seen.has(word)) failAt(at, 'ERR_QRKD_FORMAT', `gate ${at.text} has two arguments named ${word}`);
      seen.add(word);
    }
    const body: GateCall[] = [];
    while (!stream.accept('}')) {
      this.refuseUnsupported(stream.peek());
      if (['measure', 'gate', 'include'].includes(stream.peek().text)) stream.unexpected('a gate');
      if (stream.peek().text === 'barrier') this.barrier();
      else body.push(this.gateCall());
    }
    return { kind: 'definition', name: at.text, angles, qubits, body, text: stream.textSince(start), at };
  }

  private barrier(): undefined {
    this.stream.take();
    this.stream.list(';', () => this.qubits());
  }

  /** measure q; measure q -> c; from the word measure on. */
  private measurement(): Measurement {
    const at = this.stream.take();
    const qubits = this.qubits();
    if (this.stream.accept('->')) {
      this.name('the name of a classical register');
      this.size();
    }
    this.stream.expect(';');
    return { kind: 'measure', qubits, at };
  }

  /** c = measure q; c[0] = measure q[0]; anything else that is assigned is classical. */
  private assignedMeasurement(): Measurement | undefined {
    const { stream } = this;
    let ahead = 1;
    if (stream.peek(ahead).text === '[') {
      while (![']', ';'].includes(stream.peek(ahead).text) && stream.peek(ahead).kind !== 'end') ahead++;
      ahead++;
    }
    const sign = stream.peek(ahead);
    if (sign.kind !== 'symbol' || sign.text !== '=') return undefined;
    if (stream.peek(ahead + 1).text !== 'measure') {
      failAt(
        stream.peek(),
        'ERR_QRKD_UNSUPPORTED',
        'assignments (other than of a final measurement) are not supported',
      );
    }
    this.name('the name of a classical register');
    this.size();
    stream.expect('=');
    return this.measurement();
  }

  /** ctrl @ rx(pi / 2) q[0], q[1]; */
  private gateCall(): GateCall {
    const { stream } = this;
    const modifiers: Modifier[] = [];
    for (;;) {
      const at = stream.peek();
      const kind = MODIFIERS.find((word) => word === at.text && at.kind === 'name');
      if (this.version === 2 || !kind || !['@', '('].includes(stream.peek(1).text)) break;
      stream.take();
      let argument: Expression | undefined;
      if (stream.accept('(')) {
        argument = parseExpression(stream);
        stream.expect(')');
      } else if (kind === 'pow') {
        stream.unexpected('"(" and the power');
      }
      stream.expect('@');
      modifiers.push({ kind, argument, at });
      if (modifiers.length > MOST_MODIFIERS) {
        failAt(at, 'ERR_QRKD_UNSUPPORTED', `a gate has at most ${MOST_MODIFIERS} modifiers`);
      }
    }
    const at = this.name('a statement');
    const angles = stream.accept('(') ? stream.list(')', () => parseExpression(stream)) : [];
    if (stream.peek().text === '[') {
      failAt(stream.peek(), 'ERR_QRKD_UNSUPPORTED', 'durations of gates are not supported');
    }
    const qubits = stream.list(';', () => this.qubits());
    return { kind: 'gate', name: at.text, modifiers, angles, qubits, at };
  }

  private qubits(): QubitReference {
    const { stream } = this;
    const at = stream.peek();
    if (at.text.startsWith('$')) {
      failAt(at, 'ERR_QRKD_UNSUPPORTED', `physical qubits such as ${at.text} are not supported; declare a register`);
    }
    const { text: name } = this.name('a qubit');
    if (!stream.accept('[')) return { name, at };
    if (stream.peek().text === '{' || stream.peek().text === ':') this.refuseSlice();
    const index = parseExpression(stream);
    if (stream.peek().text === ':') this.refuseSlice();
    stream.expect(']');
    return { name, index, at };
  }

  private refuseSlice(): never {
    failAt(this.stream.peek(), 'ERR_QRKD_UNSUPPORTED', 'slices of registers are not supported; name each qubit');
  }
}
