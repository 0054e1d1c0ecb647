/** Damaged copies of valid input, for tests that a reader refuses what it cannot read and never fails in another way. */
import seedrandom from 'seedrandom';

/** How many a test takes: few in the suite, QRKD_FUZZ_CASES of them when asked (`npm run fuzz`). */
export const FUZZ_CASES = Number(process.env.QRKD_FUZZ_CASES ?? 2000);

/**
 * `count` variants of `samples`, the same ones for the same seed: each has one to four damages out of flipped bits,
 * random, missing or repeated bytes, a piece of another sample, and one of `tokens` put in or over something.
 */
export function* mutations(
  seed: string,
  samples: Uint8Array[],
  tokens: string[],
  count = FUZZ_CASES,
): Generator<Buffer> {
  const random = seedrandom(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
  const piece = (bytes: Buffer) => {
    const start = below(bytes.length + 1);
    return bytes.subarray(start, start + below(Math.min(64, bytes.length - start) + 1));
  };
  const splice = (bytes: Buffer, at: number, removed: number, added: Uint8Array) =>
    Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
  const damages: ((bytes: Buffer) => Buffer)[] = [
    (bytes) => {
      if (bytes.length > 0) bytes[below(bytes.length)]! ^= 1 << below(8);
      return bytes;
    },
    (bytes) => splice(bytes, below(bytes.length + 1), 1, Buffer.from([pick([0, 10, 44, 127, 255, below(256)])])),
    (bytes) => splice(bytes, below(bytes.length + 1), below(16), Buffer.alloc(0)),
    (bytes) => bytes.subarray(0, below(bytes.length + 1)),
    (bytes) => splice(bytes, below(bytes.length + 1), 0, piece(bytes)),
    (bytes) => splice(bytes, below(bytes.length + 1), below(32), piece(Buffer.from(pick(samples)))),
    (bytes) => {
      const token = Buffer.from(pick(tokens), 'latin1');
      return splice(bytes, below(bytes.length + 1), pick([0, 1, token.length]), token);
    },
    (bytes) => {
      // A number for a number: counts and sizes are what a reader trusts too easily.
      const text = bytes.toString('latin1');
      const found = [...text.matchAll(/\d+/g)];
      if (found.length === 0) return bytes;
      const { index, 0: digits } = pick(found);
      const value = pick(['0', '-1', '1', '65536', '4294967295', '9007199254740993', '1e999', String(below(300))]);
      return splice(bytes, index, digits.length, Buffer.from(value));
    },
  ];
  for (let k = 0; k < count; k++) {
    let bytes: Buffer = Buffer.from(pick(samples));
    for (let left = 1 + below(4); left > 0; left--) bytes = pick(damages)(bytes);
    yield Buffer.from(bytes);
  }
}
