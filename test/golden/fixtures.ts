import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** A file of test/fixtures; this module runs from dist-test/test/golden. */
export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../test/fixtures/${name}`, import.meta.url), 'utf8')) as T;
}

export const ARRAYS = { float32: Float32Array, float64: Float64Array } as const;

/** Every number of `actual` within `tolerance` of the one expected; says which one is farthest off. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: number of values`);
  let worst = -1;
  let at = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    // A NaN compares false with everything: let it be the worst.
    if (!(difference <= worst)) [worst, at] = [difference, i];
    if (Number.isNaN(difference)) break;
  }
  assert.ok(
    worst <= tolerance || expected.length === 0,
    `${what}: [${at}] is ${actual[at]}, expected ${expected[at]} (off by ${worst}, allowed ${tolerance})`,
  );
}

/** As {@link assertClose}, with a tolerance relative to the largest number expected (at least to `floor`). */
export function assertRelative(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
  floor = 0,
): void {
  let largest = floor;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]!));
  assertClose(actual, expected, tolerance * largest, what);
}
