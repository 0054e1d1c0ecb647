import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { type Bpe, END_OF_TEXT, MERGES_FILE, VOCABULARY_FILE } from './bpe.js';
import { BYTE_CHARACTERS, WORDS } from './bytes.js';

/** What {@link trainBpe} takes beside the texts. */
export interface TrainBpeOptions {
  /** Tokens to end with, bytes and `<|endoftext|>` among them: 257 to 2^20. There are fewer where no pair is left. */
  readonly vocabulary: number;
  /** Pairs that occur less often are not merged; default 2. */
  readonly minFrequency?: number;
}

const LARGEST = 2 ** 20;

/** A pair of tokens as one number, which orders pairs by the left token, then by the right. */
const pairOf = (left: number, right: number) => left * LARGEST + right;

interface Pair {
  count: number;
  /** Numbers of the words that have it, or had it. */
  readonly words: Set<number>;
}

/**
 * Trains a byte-level BPE (Sennrich et al. 2016, arXiv 1508.07909, on bytes as GPT-2 has it): words are bytes at first, and
 * again and again the most frequent pair of neighbours within words becomes a token; of equally frequent ones the pair whose left
 * token, then whose right token, is older. So the result depends on the texts alone, and is that of the trainer of Hugging Face's
 * `tokenizers`. Ids: `<|endoftext|>`, the 256 bytes by their characters, then tokens in the order of merges.
 *
 * A million words take seconds: each different word is looked at once, and a merge only at words that have the pair.
 *
 * @throws {QrkdTypeError | QrkdRangeError} for texts that are none, unknown options and values out of range.
 */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): Bpe {
  rejectUnknownKeys(options, ['vocabulary', 'minFrequency'], 'trainBpe');
  const { vocabulary: size, minFrequency = 2 } = options;
  const least = BYTE_CHARACTERS.length + 1;
  if (!Number.isInteger(size) || size < least || size > LARGEST) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `trainBpe: vocabulary is ${describe(size)}; expected an integer from ${least} (bytes and ${END_OF_TEXT}) to ${LARGEST}`,
    );
  }
  if (!Number.isInteger(minFrequency) || minFrequency < 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `trainBpe: minFrequency is ${describe(minFrequency)}; expected an integer of at least 1`,
    );
  }
  const tokens = [END_OF_TEXT, ...[...BYTE_CHARACTERS].sort()];
  // Two ways may lead to one token ("a" + "bc", "ab" + "c"): it is the same token then.
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const words = new WordPairs(countWords(texts), ids);
  const merges: [string, string][] = [];
  while (tokens.length < size) {
    const best = words.mostFrequent();
    if (best === undefined || best.count < minFrequency) break;
    const [left, right] = [tokens[best.left], tokens[best.right]];
    const token = left + right;
    const id = ids.get(token) ?? tokens.length;
    if (id === tokens.length) {
      tokens.push(token);
      ids.set(token, id);
    }
    merges.push([left, right]);
    words.merge(best.left, best.right, id);
  }
  return { vocabulary: Object.fromEntries(ids), merges };
}

function countWords(texts: Iterable<string>): Map<string, number> {
  if (typeof texts === 'string' || typeof texts?.[Symbol.iterator] !== 'function') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `trainBpe: texts is ${describe(texts)}; expected a list of strings`);
  }
  const counts = new Map<string, number>();
  for (const text of texts) {
    if (typeof text !== 'string') {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `trainBpe: texts has ${describe(text)} in it; expected strings`);
    }
    for (const [word] of text.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** Different words as rows of tokens, and how often which pairs of neighbours are in them. */
class WordPairs {
  readonly #words: number[][] = [];
  readonly #counts: number[] = [];
  readonly #pairs = new Map<number, Pair>();
  /** What was counted at some time, the most frequent on top; entries whose count has changed since are passed over. */
  readonly #heap = new Heap();

  constructor(counts: ReadonlyMap<string, number>, ids: ReadonlyMap<string, number>) {
    const byteIds = BYTE_CHARACTERS.map((character) => ids.get(character)!);
    for (const [word, count] of counts) {
      this.#words.push(Array.from(Buffer.from(word), (byte) => byteIds[byte]));
      this.#counts.push(count);
    }
    const touched = new Set<number>();
    for (const index of this.#words.keys()) this.#count(index, 1, touched);
    this.#push(touched);
  }

  mostFrequent(): { left: number; right: number; count: number } | undefined {
    for (let top = this.#heap.pop(); top !== undefined; top = this.#heap.pop()) {
      if (this.#pairs.get(top.pair)?.count !== top.count) continue;
      return { left: Math.floor(top.pair / LARGEST), right: top.pair % LARGEST, count: top.count };
    }
    return undefined;
  }

  merge(left: number, right: number, id: number): void {
    const touched = new Set<number>();
    for (const index of this.#pairs.get(pairOf(left, right))!.words) {
      const word = this.#words[index];
      const merged: number[] = [];
      for (let i = 0; i < word.length; i++) {
        const found = word[i] === left && word[i + 1] === right;
        merged.push(found ? id : word[i]);
        if (found) i++;
      }
      if (merged.length === word.length) continue;
      this.#count(index, -1, touched);
      this.#words[index] = merged;
      this.#count(index, 1, touched);
    }
    this.#pairs.delete(pairOf(left, right));
    this.#push(touched);
  }

  /** Adds a word's pairs to the counts, or takes them away. */
  #count(index: number, sign: 1 | -1, touched: Set<number>): void {
    const word = this.#words[index];
    const change = sign * this.#counts[index];
    for (let i = 1; i < word.length; i++) {
      const key = pairOf(word[i - 1], word[i]);
      let pair = this.#pairs.get(key);
      if (pair === undefined) {
        pair = { count: 0, words: new Set() };
        this.#pairs.set(key, pair);
      }
      pair.count += change;
      if (sign > 0) pair.words.add(index);
      touched.add(key);
    }
  }

  #push(touched: ReadonlySet<number>): void {
    for (const pair of touched) {
      const count = this.#pairs.get(pair)?.count ?? 0;
      if (count > 0) this.#heap.push({ pair, count });
      else this.#pairs.delete(pair);
    }
  }
}

interface Entry {
  readonly pair: number;
  readonly count: number;
}

/** A binary heap: the largest count on top, and of equal ones the smallest pair. */
class Heap {
  readonly #entries: Entry[] = [];

  push(entry: Entry): void {
    const entries = this.#entries;
    let place = entries.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!before(entry, entries[parent])) break;
      entries[place] = entries[parent];
      place = parent;
    }
    entries[place] = entry;
  }

  pop(): Entry | undefined {
    const entries = this.#entries;
    const top = entries[0];
    const last = entries.pop();
    if (entries.length === 0 || last === undefined) return top;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && before(entries[child + 1], entries[child])) child++;
      if (!before(entries[child], last)) break;
      entries[place] = entries[child];
      place = child;
    }
    entries[place] = last;
    return top;
  }
}

const before = (a: Entry, b: Entry) => a.count > b.count || (a.count === b.count && a.pair < b.pair);

/** Writes `vocab.json` and `merges.txt` as GPT-2 has them, each under a temporary name and renamed; makes the folder. */
export async function saveBpe({ vocabulary, merges }: Bpe, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const lines = ['#version: 0.2', ...merges.map((pair) => pair.join(' '))];
  await writeFileAtomic(join(folder, VOCABULARY_FILE), JSON.stringify(vocabulary));
  await writeFileAtomic(join(folder, MERGES_FILE), `${lines.join('\n')}\n`);
}
