import type { Circuit } from '../circuits/circuit.js';
import type { NativeSpec } from '../engine/native.js';
import { describe, QrkdRangeError, QrkdTypeError } from '../errors.js';

/**
 * One feature map: what `featureMap` needs to build it and what help texts say about it. Each lives in a file of its own,
 * listed in index.ts.
 */
export interface MapDefinition<Spec extends { type: string }> {
  type: Spec['type'];
  /** One line for help texts. */
  summary: string;
  /** The circuit, in words and formulas. */
  formula: string;
  /** Where the definition comes from. */
  source: string;
  /** Every key that a specification may have besides `type`, with its default (undefined: given, or see `derived`). */
  defaults: { [K in Exclude<keyof Spec, 'type'>]-?: Spec[K] | undefined };
  /** Defaults that follow from the other keys. */
  derived?(spec: Spec): Partial<Spec>;
  /** Checks a complete specification. */
  check(spec: Spec): void;
  /** Number of features of a sample; `spec.features` if left out. */
  features?(spec: Spec): number;
  qubits(spec: Spec): number;
  /** The circuit before `bandwidth`, which {@link FeatureMap} multiplies into the features of every map that has it. */
  circuit?(spec: Spec): Circuit;
  /** What the engine builds a map without a circuit from. */
  native?(spec: Spec): NativeSpec;
}

/** Checks of single values, shared by the maps; all throw errors that name the map and the key. */
export function positiveInteger(map: string, key: string, value: unknown, most = Number.MAX_SAFE_INTEGER): void {
  if (typeof value !== 'number') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${map}: ${key} must be a whole number, got ${describe(value)}`);
  }
  if (!Number.isInteger(value) || value < 1 || value > most) {
    const upTo = most < Number.MAX_SAFE_INTEGER ? ` from 1 to ${most}` : ' of at least 1';
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${map}: ${key} must be a whole number${upTo}, got ${value}`);
  }
}

export function finiteNumber(map: string, key: string, value: unknown): void {
  if (typeof value !== 'number') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${map}: ${key} must be a number, got ${describe(value)}`);
  }
  if (!Number.isFinite(value)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${map}: ${key} must be finite, got ${value}`);
  }
}

export function oneOf(map: string, key: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'string' || !known.includes(value)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${map}: ${key} must be one of ${known.join(', ')}, got ${describe(value)}`,
    );
  }
}

/** Statevectors are simulated up to here. */
export const MAX_STATE_QUBITS = 30;

/** Product states have no limit by state size; this one keeps a mistyped number from exhausting the heap. */
export const MAX_PRODUCT_QUBITS = 2 ** 17;
