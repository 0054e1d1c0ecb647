import { type Angle, AngleExpression, scaleAngle } from '../angle.js';
import { failAt, located, type Position } from './position.js';
import type { Expression, Operator } from './syntax.js';

/**
 * A value of an expression. OpenQASM 3 divides whole numbers as such: 1/2 is 0 there, and 0.5 to most who write it, so only
 * quotients that are whole are taken.
 */
export interface Value {
  readonly angle: Angle;
  readonly integer: boolean;
}

/** What the names in an expression stand for. */
export interface Scope {
  /** The value of a name; undefined if there is none. */
  lookup(name: string, index: number | undefined, at: Position): Value | undefined;
  /** False in version 2, where all numbers are real. */
  readonly wholeDivision: boolean;
}

const CONSTANTS: Readonly<Record<string, number>> = {
  pi: Math.PI,
  π: Math.PI,
  tau: 2 * Math.PI,
  τ: 2 * Math.PI,
  euler: Math.E,
  ℇ: Math.E,
};

/** Functions of numbers, by number of arguments; both versions' names. */
const FUNCTIONS: Readonly<Record<string, { arity: number; of: (a: number, b: number) => number }>> = {
  sin: { arity: 1, of: Math.sin },
  cos: { arity: 1, of: Math.cos },
  tan: { arity: 1, of: Math.tan },
  arcsin: { arity: 1, of: Math.asin },
  arccos: { arity: 1, of: Math.acos },
  arctan: { arity: 1, of: Math.atan },
  asin: { arity: 1, of: Math.asin },
  acos: { arity: 1, of: Math.acos },
  atan: { arity: 1, of: Math.atan },
  exp: { arity: 1, of: Math.exp },
  ln: { arity: 1, of: Math.log },
  log: { arity: 1, of: Math.log },
  sqrt: { arity: 1, of: Math.sqrt },
  floor: { arity: 1, of: Math.floor },
  ceiling: { arity: 1, of: Math.ceil },
  mod: { arity: 2, of: (a, b) => a - b * Math.floor(a / b) },
  pow: { arity: 2, of: (a, b) => a ** b },
};

/** Products of sums multiply their terms; an angle of more is a mistake, or meant to exhaust the memory. */
const MOST_TERMS = 4096;

/**
 * Evaluates an expression. Of inputs only what an {@link AngleExpression} can say is possible: sums, products, whole powers,
 * and arccos of affine functions.
 *
 * @throws RangeError that names the place: unknown names, other functions of inputs, results that are not finite.
 */
export function evaluate(expression: Expression, scope: Scope): Value {
  const value = compute(expression, scope);
  if (!hasFiniteNumbers(value.angle)) failAt(expression.at, 'ERR_QRKD_VALUE', 'this value is not finite');
  return value;
}

/** A number that no input takes part in. */
export function evaluateNumber(expression: Expression, scope: Scope, what: string): number {
  const { angle } = evaluate(expression, scope);
  if (typeof angle !== 'number') failAt(expression.at, 'ERR_QRKD_UNSUPPORTED', `${what} must not depend on inputs`);
  return angle;
}

/** A whole number of at least `least` that no input takes part in. */
export function evaluateWhole(expression: Expression, scope: Scope, what: string, least: number): number {
  const value = evaluateNumber(expression, scope, what);
  if (!Number.isSafeInteger(value) || value < least) {
    const above = Number.isFinite(least) ? ` of at least ${least}` : '';
    failAt(expression.at, 'ERR_QRKD_VALUE', `${what} must be a whole number${above}, got ${value}`);
  }
  return value;
}

function hasFiniteNumbers(angle: Angle): boolean {
  if (typeof angle === 'number') return Number.isFinite(angle);
  return angle.terms.every(
    ({ coefficient, factors }) =>
      Number.isFinite(coefficient) && factors.every((f) => Number.isFinite(f.offset) && Number.isFinite(f.scale)),
  );
}

function compute(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'number':
      return { angle: expression.value, integer: expression.integer };
    case 'name':
      return name(expression, scope);
    case 'negative': {
      const { angle, integer } = compute(expression.operand, scope);
      return { angle: typeof angle === 'number' ? -angle : angle.negate(), integer };
    }
    case 'binary': {
      const [left, right] = [compute(expression.left, scope), compute(expression.right, scope)];
      const integer = left.integer && right.integer;
      const angle = binary(expression.operator, left.angle, right.angle, integer && scope.wholeDivision, expression.at);
      return { angle, integer: integer && Number.isInteger(angle) };
    }
    case 'call':
      return call(expression, scope);
  }
}

function name(expression: Expression & { kind: 'name' }, scope: Scope): Value {
  const { name, index, at } = expression;
  const place = index && evaluateWhole(index, scope, `the index of ${name}`, 0);
  const found = scope.lookup(name, place, at);
  if (found) return found;
  if (place === undefined && Object.hasOwn(CONSTANTS, name)) return { angle: CONSTANTS[name]!, integer: false };
  failAt(at, 'ERR_QRKD_FORMAT', `unknown name "${name}"`);
}

function binary(operator: Operator, a: Angle, b: Angle, whole: boolean, at: Position): Angle {
  switch (operator) {
    case '+':
      return typeof a === 'number' ? (typeof b === 'number' ? a + b : b.plus(a)) : a.plus(b);
    case '-':
      return typeof a === 'number' ? (typeof b === 'number' ? a - b : b.negate().plus(a)) : a.minus(b);
    case '*':
      return multiply(a, b, at);
    case '/':
      if (typeof b !== 'number') failAt(at, 'ERR_QRKD_UNSUPPORTED', 'inputs cannot be divided by');
      if (b === 0) failAt(at, 'ERR_QRKD_VALUE', 'division by zero');
      if (typeof a !== 'number') return a.times(1 / b);
      if (whole && !Number.isInteger(a / b)) {
        const [quotient, written] = [Math.trunc(a / b), `${a}.0/${b}`];
        failAt(
          at,
          'ERR_QRKD_VALUE',
          `OpenQASM 3 divides whole numbers as such, ${a}/${b} is ${quotient}; write ${written}`,
        );
      }
      return a / b;
    case '**':
      return power(a, b, at);
  }
}

function multiply(a: Angle, b: Angle, at: Position): Angle {
  if (typeof a === 'number') return scaleAngle(b, a);
  if (typeof b === 'number') return scaleAngle(a, b);
  if (a.terms.length * b.terms.length > MOST_TERMS) {
    failAt(at, 'ERR_QRKD_UNSUPPORTED', `a product of more than ${MOST_TERMS} terms is not supported`);
  }
  return a.times(b);
}

function power(base: Angle, exponent: Angle, at: Position): Angle {
  if (typeof exponent !== 'number') failAt(at, 'ERR_QRKD_UNSUPPORTED', 'inputs cannot be exponents');
  if (typeof base === 'number') return base ** exponent;
  if (!Number.isInteger(exponent) || exponent < 0 || exponent > 16) {
    failAt(at, 'ERR_QRKD_UNSUPPORTED', `inputs have whole powers from 0 to 16 only, got ${exponent}`);
  }
  let result: Angle = 1;
  for (let k = 0; k < exponent; k++) result = multiply(result, base, at);
  return result;
}

function call({ name, arguments: list, at }: Expression & { kind: 'call' }, scope: Scope): Value {
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!known) failAt(at, 'ERR_QRKD_UNSUPPORTED', `the function "${name}" is not supported`);
  if (list.length !== known.arity) {
    failAt(at, 'ERR_QRKD_FORMAT', `${name} takes ${known.arity} arguments, got ${list.length}`);
  }
  const values = list.map((argument) => compute(argument, scope).angle);
  const [first] = values;
  if (first instanceof AngleExpression && (name === 'arccos' || name === 'acos')) {
    return { angle: located(at, () => first.acos()), integer: false };
  }
  if (name === 'pow') return { angle: power(values[0]!, values[1]!, at), integer: false };
  const numbers = values.filter((value) => typeof value === 'number');
  if (numbers.length < values.length) {
    failAt(at, 'ERR_QRKD_UNSUPPORTED', `${name} of an input is not supported; of the functions only arccos is`);
  }
  const integer = name === 'floor' || name === 'ceiling';
  return { angle: known.of(numbers[0], numbers[1]), integer };
}
