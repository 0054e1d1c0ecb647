import seedrandom from 'seedrandom';
import { describe, QrkdRangeError, rejectUnknownKeys } from '../errors.js';

/** How a text goes on. */
export interface GenerateOptions {
  /** Tokens to add, at most; default 50. A text never grows longer than a model's longest sequence. */
  readonly maxNewTokens?: number;
  /** 0 (default) takes the most likely token each time; above, logits are divided by it and a token is drawn. */
  readonly temperature?: number;
  /** Draws from so many most likely tokens only; default all. */
  readonly topK?: number;
  /** Of what is drawn, an integer of at least 0; default 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

const KEYS = ['maxNewTokens', 'temperature', 'topK', 'seed', 'signal'];

/** What a model says of the token behind `ids`. */
export type NextLogits = (ids: Int32Array) => Promise<Float32Array> | Float32Array;

/**
 * Continues a row of tokens, one at a time, until `endToken` was added, `maxNewTokens` were, or the row has `longest`.
 * @returns the whole row, with what it began with.
 * @throws {QrkdTypeError | QrkdRangeError} for unknown options and values out of range.
 */
export async function continueTokens(
  prompt: ArrayLike<number>,
  options: GenerateOptions,
  { longest, endToken, next }: { longest: number; endToken: number | null; next: NextLogits },
): Promise<Int32Array> {
  rejectUnknownKeys(options, KEYS, 'generate');
  const { maxNewTokens = 50, temperature = 0, topK = Infinity, seed = 0, signal } = options;
  const refuse = (key: string, value: unknown, expected: string): never => {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `generate: ${key} is ${describe(value)}; expected ${expected}`);
  };
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 0)
    refuse('maxNewTokens', maxNewTokens, 'an integer of at least 0');
  if (!(temperature >= 0 && temperature < Infinity)) refuse('temperature', temperature, 'a number of at least 0');
  if (!(topK >= 1) || (topK !== Infinity && !Number.isInteger(topK))) refuse('topK', topK, 'an integer of at least 1');
  if (!Number.isInteger(seed) || seed < 0) refuse('seed', seed, 'an integer of at least 0');
  if (!(prompt.length >= 1 && prompt.length <= longest)) {
    refuse('the number of tokens to begin with', prompt.length, `1 to ${longest}`);
  }
  const random = seedrandom(String(seed));
  const end = Math.min(longest, prompt.length + maxNewTokens);
  const ids = new Int32Array(end);
  ids.set(prompt as number[]);
  for (let length = prompt.length; length < end; length++) {
    signal?.throwIfAborted();
    const logits = await next(ids.subarray(0, length));
    ids[length] = temperature === 0 ? mostLikely(logits) : drawn(logits, temperature, topK, random);
    if (ids[length] === endToken) return ids.slice(0, length + 1);
  }
  return ids;
}

/** The first of the largest. */
function mostLikely(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

function drawn(logits: Float32Array, temperature: number, topK: number, random: () => number): number {
  const candidates = Array.from(logits.keys());
  if (topK < logits.length) {
    // The earlier token where two are equal.
    candidates.sort((a, b) => logits[b] - logits[a] || a - b);
    candidates.length = topK;
  }
  const largest = candidates.reduce((max, i) => Math.max(max, logits[i]), -Infinity);
  const shares = candidates.map((i) => Math.exp((logits[i] - largest) / temperature));
  let left = random() * shares.reduce((sum, share) => sum + share, 0);
  const place = shares.findIndex((share) => {
    left -= share;
    return left < 0;
  });
  return candidates[place < 0 ? candidates.length - 1 : place];
}
