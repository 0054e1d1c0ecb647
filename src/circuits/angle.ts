import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';

/** What a factor of an angle applies to its affine function. */
export const ANGLE_FUNCTIONS = ['identity', 'acos'] as const;
export type AngleFunction = (typeof ANGLE_FUNCTIONS)[number];

/** function(offset + scale * v), v being one feature of the sample or one trainable parameter. */
export interface Factor {
  readonly variable: 'feature' | 'parameter';
  readonly index: number;
  readonly offset: number;
  readonly scale: number;
  readonly function: AngleFunction;
}

/** coefficient * the product of the factors; without factors a constant. */
export interface Term {
  readonly coefficient: number;
  readonly factors: readonly Factor[];
}

/** A gate's angle in radians: a constant, or an expression in features and trainable parameters. */
export type Angle = number | AngleExpression;

/** Plain JSON of an angle: a number, or the terms of a sum. What is left out is 1 (coefficient, scale), 0, identity or none. */
export type AngleJson = number | TermJson[];
export interface TermJson {
  coefficient?: number;
  factors?: FactorJson[];
}
export type FactorJson = ({ feature: number } | { parameter: number }) & {
  offset?: number;
  scale?: number;
  function?: AngleFunction;
};

/**
 * A sum of terms, each a coefficient times a product of functions of single variables. Immutable. An affine function of
 * one variable is one factor, so that (pi - x_i)(pi - x_j) is one term of two factors.
 */
export class AngleExpression {
  private text: string | undefined;

  /** Internal: use {@link feature} and {@link parameter}. */
  constructor(readonly terms: readonly Term[]) {}

  plus(other: Angle): AngleExpression {
    return new AngleExpression(simplify([...this.terms, ...termsOf(other, 'plus')]));
  }
  minus(other: Angle): AngleExpression {
    return this.plus(negate(termsOf(other, 'minus')));
  }
  times(other: Angle): AngleExpression {
    const right = termsOf(other, 'times');
    return new AngleExpression(simplify(this.terms.flatMap((a) => right.map((b) => product(a, b)))));
  }
  negate(): AngleExpression {
    return negate(this.terms);
  }

  /**
   * arccos of an affine function of one variable.
   *
   * @throws RangeError for any other expression. Values outside [-1, 1] are an error of the sample, when one is given.
   */
  acos(): AngleExpression {
    const [term, second] = this.terms;
    const factor = term?.factors[0];
    if (!factor || second || term.factors.length > 1 || factor.function !== 'identity') {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `acos: takes an affine function of one feature or parameter, got ${this}`,
      );
    }
    const { offset, scale } = factor;
    const inner = { ...factor, offset: term.coefficient * offset, scale: term.coefficient * scale };
    return new AngleExpression([{ coefficient: 1, factors: [{ ...inner, function: 'acos' }] }]);
  }

  /** The angle of a sample in radians; NaN where a feature or parameter is missing. */
  evaluate(x: ArrayLike<number>, parameters: ArrayLike<number>): number {
    let sum = 0;
    for (const { coefficient, factors } of this.terms) {
      let value = coefficient;
      for (const { variable, index, offset, scale, function: f } of factors) {
        const affine = offset + scale * (variable === 'feature' ? x : parameters)[index]!;
        value *= f === 'acos' ? Math.acos(affine) : affine;
      }
      sum += value;
    }
    return sum;
  }

  /** The expression with x -> bandwidth * x. */
  scaleFeatures(bandwidth: number): AngleExpression {
    const scaled = (f: Factor) => (f.variable === 'feature' ? { ...f, scale: bandwidth * f.scale } : f);
    return new AngleExpression(this.terms.map((t) => ({ ...t, factors: t.factors.map(scaled) })));
  }

  toJSON(): TermJson[] {
    return this.terms.map(({ coefficient, factors }) => ({
      ...(coefficient !== 1 && { coefficient }),
      ...(factors.length > 0 && { factors: factors.map(factorJson) }),
    }));
  }

  /** Equal for equal expressions, exact and short: the engine computes what occurs more than once only once. */
  get key(): string {
    let key = '';
    for (const { coefficient, factors } of this.terms) {
      key += `+${coefficient}`;
      for (const f of factors) {
        key += `${f.function === 'acos' ? '~' : '*'}${f.variable === 'feature' ? 'x' : 'p'}${f.index}`;
        if (f.offset !== 0 || f.scale !== 1) key += `:${f.offset}:${f.scale}`;
      }
    }
    return key;
  }

  /** For drawings and messages: `2*(π - x0)*(π - x1) + p0`. Numbers as {@link angleText} has them. */
  toString(): string {
    this.text ??= this.terms.map(termText).join(' + ').replaceAll('+ -', '- ') || '0';
    return this.text;
  }
}

/** Feature i of a sample (0-based) as an angle, in radians. */
export function feature(index: number): AngleExpression {
  return variable('feature', index);
}

/** Trainable parameter i (0-based) as an angle, in radians. */
export function parameter(index: number): AngleExpression {
  return variable('parameter', index);
}

function variable(kind: 'feature' | 'parameter', index: number): AngleExpression {
  checkIndex(kind, index);
  const factor: Factor = { variable: kind, index, offset: 0, scale: 1, function: 'identity' };
  return new AngleExpression([{ coefficient: 1, factors: [factor] }]);
}

/** Features and parameters are numbered up to here, so that a mistyped index does not ask for terabytes. */
const MOST_VARIABLES = 2 ** 24;

function checkIndex(kind: string, index: unknown): void {
  if (typeof index !== 'number') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${kind}: the index must be a whole number, got ${describe(index)}`);
  }
  if (!Number.isInteger(index) || index < 0 || index >= MOST_VARIABLES) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${kind}: the index must be a whole number from 0 to ${MOST_VARIABLES - 1}, got ${index}`,
    );
  }
}

/** Throws unless `value` is a finite number or an expression; `where` opens the message. */
export function checkAngle(where: string, value: unknown): asserts value is Angle {
  if (value instanceof AngleExpression) return;
  if (typeof value !== 'number') {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where} must be a number, feature(i), parameter(i) or an expression of these, got ${describe(value)}`,
    );
  }
  if (!Number.isFinite(value)) throw new QrkdRangeError('ERR_QRKD_VALUE', `${where} must be finite, got ${value}`);
}

/** factor * angle, constants staying constants. */
export function scaleAngle(angle: Angle, factor: number): Angle {
  return typeof angle === 'number' ? factor * angle : angle.times(factor);
}

/** The plain JSON form of an angle. */
export function angleToJson(angle: Angle): AngleJson {
  return typeof angle === 'number' ? angle : angle.toJSON();
}

/** The angle that {@link angleToJson} wrote; `where` opens error messages. */
export function angleFromJson(json: unknown, where: string): Angle {
  if (!Array.isArray(json)) {
    checkAngle(where, json);
    return json;
  }
  return new AngleExpression(
    simplify(
      json.map((term: TermJson, t) => {
        rejectUnknownKeys(term, ['coefficient', 'factors'], `${where}, term ${t}`);
        const factors = term.factors ?? [];
        if (!Array.isArray(factors)) {
          throw new QrkdTypeError(
            'ERR_QRKD_TYPE',
            `${where}, term ${t}: factors must be an array, got ${describe(factors)}`,
          );
        }
        const coefficient = numberIn(term, 'coefficient', 1, `${where}, term ${t}`);
        return { coefficient, factors: factors.map((f) => factorFromJson(f, `${where}, term ${t}`)) };
      }),
    ),
  );
}

function factorFromJson(json: FactorJson, where: string): Factor {
  rejectUnknownKeys(json, ['feature', 'parameter', 'offset', 'scale', 'function'], where);
  const kind = 'feature' in json ? 'feature' : 'parameter';
  if ('feature' in json === 'parameter' in json) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: a factor must have either feature or parameter`);
  }
  const index = (json as Record<string, unknown>)[kind] as number;
  checkIndex(`${where}: ${kind}`, index);
  const f = json.function ?? 'identity';
  if (!ANGLE_FUNCTIONS.includes(f)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: function must be one of ${ANGLE_FUNCTIONS.join(', ')}, got ${describe(f)}`,
    );
  }
  const offset = numberIn(json, 'offset', 0, where);
  const scale = numberIn(json, 'scale', 1, where);
  return { variable: kind, index, offset, scale, function: f };
}

function numberIn(json: object, key: string, otherwise: number, where: string): number {
  const value = (json as Record<string, unknown>)[key] ?? otherwise;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: ${key} must be a finite number, got ${describe(value)}`);
  }
  return value;
}

function factorJson({ variable: kind, index, offset, scale, function: f }: Factor): FactorJson {
  return {
    ...(kind === 'feature' ? { feature: index } : { parameter: index }),
    ...(offset !== 0 && { offset }),
    ...(scale !== 1 && { scale }),
    ...(f !== 'identity' && { function: f }),
  };
}

function termsOf(angle: Angle, method: string): readonly Term[] {
  checkAngle(`${method}: the other operand`, angle);
  return typeof angle === 'number' ? [{ coefficient: angle, factors: [] }] : angle.terms;
}

function product(a: Term, b: Term): Term {
  return { coefficient: a.coefficient * b.coefficient, factors: [...a.factors, ...b.factors] };
}

function negate(terms: readonly Term[]): AngleExpression {
  return new AngleExpression(terms.map((t) => ({ ...t, coefficient: -t.coefficient })));
}

/**
 * Adds up constants and the affine terms of each variable. What is left of the constant becomes part of the first
 * affine term; only where there is none it stays a term of its own.
 */
function simplify(terms: readonly Term[]): Term[] {
  let constant = 0;
  const affine = new Map<string, Factor>();
  const rest: Term[] = [];
  for (const term of terms) {
    const [factor, second] = term.factors;
    if (!factor) {
      constant += term.coefficient;
    } else if (second || factor.function !== 'identity') {
      if (term.coefficient !== 0) rest.push(term);
    } else {
      const key = `${factor.variable}${factor.index}`;
      constant += term.coefficient * factor.offset;
      const scale = (affine.get(key)?.scale ?? 0) + term.coefficient * factor.scale;
      affine.set(key, { ...factor, offset: 0, scale });
    }
  }
  const linear = [...affine.values()].filter((f) => f.scale !== 0);
  const [first, ...others] = linear;
  const sums = first ? [{ ...first, offset: constant }, ...others] : [];
  const result = [...sums.map((f) => ({ coefficient: 1, factors: [f] })), ...rest];
  return first || constant === 0 ? result : [...result, { coefficient: constant, factors: [] }];
}

/** A number of a drawing: simple fractions of pi as such, others rounded to four digits. */
export function angleText(value: number): string {
  for (const denominator of [1, 2, 3, 4, 6, 8, 16]) {
    const numerator = (value * denominator) / Math.PI;
    const whole = Math.round(numerator);
    if (whole === 0 || Math.abs(whole) > 2 * denominator || Math.abs(numerator - whole) > 1e-12) continue;
    const times = Math.abs(whole) === 1 ? '' : `${Math.abs(whole)}`;
    return `${whole < 0 ? '-' : ''}${times}π${denominator === 1 ? '' : `/${denominator}`}`;
  }
  return String(Number(value.toPrecision(4)));
}

function termText({ coefficient, factors }: Term): string {
  if (factors.length === 0) return angleText(coefficient);
  const alone = factors.length === 1 && coefficient === 1;
  const product = factors.map((f) => factorText(f, alone)).join('*');
  if (coefficient === 1) return product;
  return coefficient === -1 ? `-${product}` : `${angleText(coefficient)}*${product}`;
}

function factorText({ variable: kind, index, offset, scale, function: f }: Factor, alone: boolean): string {
  const name = `${kind === 'feature' ? 'x' : 'p'}${index}`;
  const size = Math.abs(scale) === 1 ? name : `${angleText(Math.abs(scale))}*${name}`;
  if (offset === 0) {
    const text = scale < 0 ? `-${size}` : size;
    if (f === 'acos') return `acos(${text})`;
    return scale < 0 && !alone ? `(${text})` : text;
  }
  const text = `${angleText(offset)} ${scale < 0 ? '-' : '+'} ${size}`;
  if (f === 'acos') return `acos(${text})`;
  return alone ? text : `(${text})`;
}
