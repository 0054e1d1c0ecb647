import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Matrix } from '../engine/types.js';
import type { Grid } from './grid.js';

/** What decides every bit of a matrix and where it is put. Plain JSON, in journals and part files. */
export interface Identity {
  qrkd: string;
  kernel: Record<string, unknown>;
  /** SHA-256 of the trainable parameters' values. */
  parameters: string;
  /** Instruction sets agree to rounding only. */
  instructionSet: string;
  X: string;
  /** Null for the symmetric matrix of X. */
  Y: string | null;
  dtype: '<f4' | '<f8';
  grid: Grid;
}

const NAMES: Record<keyof Identity, string> = {
  qrkd: 'the version of qrkd',
  kernel: 'the kernel',
  parameters: "the kernel's parameters",
  instructionSet: 'the instruction set',
  X: 'X',
  Y: 'Y',
  dtype: 'the precision',
  grid: 'the size of the tiles',
};

const PIECE = 2 ** 20;

/** SHA-256 of shape and numbers; the same for float32 and float64 inputs of equal values, which have equal results. */
export async function digest({ data, shape }: Matrix): Promise<string> {
  const hash = createHash('sha256').update(shape.join('x'));
  for (let first = 0; first < data.length; first += PIECE) {
    hash.update(Float64Array.from(data.subarray(first, first + PIECE)));
    // A large X takes a second or more, which the event loop should not feel.
    await setImmediate();
  }
  return hash.digest('hex');
}

/** In words, what two identities differ in: `the kernel (a, not b)`; undefined if they are equal. */
export function difference(found: Identity, wanted: Identity): string | undefined {
  const different = (Object.keys(NAMES) as (keyof Identity)[]).filter(
    (key) => canonical(found[key]) !== canonical(wanted[key]),
  );
  const plain = (value: unknown) => (typeof value === 'string' && value.length < 20 ? value : undefined);
  return different.length === 0
    ? undefined
    : different
        .map((key) => {
          const [a, b] = [plain(found[key]), plain(wanted[key])];
          return a && b ? `${NAMES[key]} (${a}, not ${b})` : NAMES[key];
        })
        .join(', ');
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v) =>
    v !== null && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}
