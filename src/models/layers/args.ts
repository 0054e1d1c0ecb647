import type { layers } from '@tensorflow/tfjs-layers';
import { QrkdTypeError } from '../../errors.js';

export type Shape = (number | null)[];

/** What every tfjs layer takes: a name, whether it trains, and the like. */
export type LayerArgs = ConstructorParameters<typeof layers.Layer>[0];

/** How a layer's matrices start: normally distributed around 0. */
export interface NormalStart {
  /** Standard deviation; 0 starts with zeros, without the cost of drawing numbers that will be overwritten. Default 0.02. */
  readonly stddev?: number;
  /** Of the numbers drawn; without one they differ each time. */
  readonly seed?: number;
}

/** @throws {QrkdTypeError} `ERR_QRKD_VALUE` unless `value` is an integer of at least 1. */
export function positiveInteger(layer: string, argument: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) > 0) return value as number;
  throw new QrkdTypeError(
    'ERR_QRKD_VALUE',
    `${layer}: ${argument} is ${JSON.stringify(value)}; expected an integer of at least 1`,
  );
}

/** A token's id, or null where no token fills up sequences. */
export function optionalToken(layer: string, argument: string, value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (Number.isInteger(value) && (value as number) >= 0) return value as number;
  throw new QrkdTypeError(
    'ERR_QRKD_VALUE',
    `${layer}: ${argument} is ${JSON.stringify(value)}; expected a token's id or null`,
  );
}

/** The shape of the first input of a layer. */
export function firstShape(shape: Shape | Shape[]): Shape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as Shape;
}
