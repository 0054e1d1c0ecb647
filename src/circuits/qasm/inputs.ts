import { type Angle, checkAngle, feature, parameter } from '../angle.js';
import { failAt, located, type Position } from './position.js';

/** What inputs of a text stand for, by name: an angle, or as many as an array input has. */
export type QasmInputs = Readonly<Record<string, Angle | readonly Angle[]>>;

/** x0, x_0 and _x_0_ (as Qiskit writes x[0]); the same with theta or θ. */
const NAME = /^_*(x|theta|θ)_?(\d+)_*$/;
const ARRAY = /^(x|theta|θ)$/;

const variable = (base: string) => (base === 'x' ? feature : parameter);

/** The name that {@link inputAngle} reads as the same feature or parameter. */
export function inputName(kind: 'feature' | 'parameter', index: number): string {
  return `${kind === 'feature' ? 'x' : 'theta'}${index}`;
}

/** The angle of an input without a size. */
export function inputAngle(name: string, given: QasmInputs, at: Position): Angle {
  if (Object.hasOwn(given, name)) {
    const angle = given[name]!;
    if (!isList(angle)) return checked(name, angle, at);
    failAt(at, 'ERR_QRKD_VALUE', `the option inputs has ${angle.length} angles for "${name}", which is one`);
  }
  const [, base, index] = NAME.exec(name) ?? [];
  if (!base) refuse(name, at);
  return located(at, () => variable(base)(Number(index)));
}

/** The angle of one element of an array input. */
export function elementAngle(name: string, index: number, given: QasmInputs, at: Position): Angle {
  if (Object.hasOwn(given, name)) {
    const angles = given[name]!;
    const angle = isList(angles) ? angles[index] : undefined;
    if (angle !== undefined) return checked(name, angle, at);
    failAt(at, 'ERR_QRKD_VALUE', `the option inputs must have an array with element ${index} for "${name}"`);
  }
  if (!ARRAY.test(name)) refuse(name, at);
  return located(at, () => variable(name)(index));
}

function checked(name: string, angle: Angle, at: Position): Angle {
  located(at, () => checkAngle(`the option inputs, "${name}"`, angle));
  return angle;
}

function isList(angle: Angle | readonly Angle[]): angle is readonly Angle[] {
  return Array.isArray(angle);
}

function refuse(name: string, at: Position): never {
  failAt(
    at,
    'ERR_QRKD_UNSUPPORTED',
    `input "${name}": features are called x0, x1, ... or x[i], parameters theta0, theta1, ... or theta[i]; ` +
      'say in the option inputs of Circuit.fromQasm what others stand for',
  );
}
