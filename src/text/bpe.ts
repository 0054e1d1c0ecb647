import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers';
import { describe, excerpt, QrkdRangeError, QrkdTypeError } from '../errors.js';
import { BYTE_CHARACTERS, WORDS } from './bytes.js';
import type { Tokenizer } from './tokenizer.js';

/** Ends a text, and is one token wherever it stands in a text. */
export const END_OF_TEXT = '<|endoftext|>';

/** The two files of a byte-level BPE, as GPT-2 has them. */
export const VOCABULARY_FILE = 'vocab.json';
export const MERGES_FILE = 'merges.txt';

/** A byte-level BPE: ids of tokens, and pairs of tokens in the order in which they are merged. */
export interface Bpe {
  /** Tokens in the alphabet of {@link BYTE_CHARACTERS}. */
  readonly vocabulary: Readonly<Record<string, number>>;
  readonly merges: readonly (readonly [string, string])[];
}

function refuse(path: string, why: string): never {
  throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: ${why}`);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file; a byte-level BPE needs vocab.json and merges.txt' : message;
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: ${why}`);
  }
}

/**
 * Reads `vocab.json` and `merges.txt` of a folder.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` or `ERR_QRKD_FORMAT`, naming the file: ids that are not 0 to V - 1, bytes or
 *   `<|endoftext|>` without a token, merges that the vocabulary does not have.
 */
export function readBpe(folder: string): Bpe {
  const vocabularyPath = join(folder, VOCABULARY_FILE);
  const mergesPath = join(folder, MERGES_FILE);
  const vocabulary = parseVocabulary(readText(vocabularyPath), vocabularyPath);
  return { vocabulary, merges: parseMerges(readText(mergesPath), vocabulary, mergesPath) };
}

export function parseVocabulary(text: string, path: string): Record<string, number> {
  let vocabulary: unknown;
  try {
    vocabulary = JSON.parse(text);
  } catch (error) {
    refuse(path, `is not readable as JSON (${excerpt((error as Error).message, 80)})`);
  }
  if (vocabulary === null || typeof vocabulary !== 'object' || Array.isArray(vocabulary)) {
    return refuse(path, 'is no JSON object of tokens and ids');
  }
  const entries = Object.entries(vocabulary);
  const taken = new Uint8Array(entries.length);
  for (const [token, id] of entries) {
    if (!Number.isInteger(id) || !(id >= 0 && id < entries.length) || taken[id] === 1) {
      const shown = excerpt(String(JSON.stringify(id)));
      refuse(path, `token "${excerpt(token)}" has id ${shown}; expected every id from 0 to ${entries.length - 1} once`);
    }
    taken[id] = 1;
  }
  const missing = [...BYTE_CHARACTERS, END_OF_TEXT].find((token) => !Object.hasOwn(vocabulary, token));
  if (missing !== undefined) refuse(path, `has no token "${missing}"; expected all 256 bytes and ${END_OF_TEXT}`);
  return vocabulary as Record<string, number>;
}

export function parseMerges(
  text: string,
  vocabulary: Readonly<Record<string, number>>,
  path: string,
): [string, string][] {
  const lines = text.split(/\r?\n/);
  if (lines[lines.length - 1] === '') lines.pop();
  const merges: [string, string][] = [];
  lines.forEach((line, i) => {
    if (i === 0 && line.startsWith('#version')) return;
    const [left, right, ...rest] = line.split(' ');
    if (!left || !right || rest.length > 0) {
      refuse(path, `line ${i + 1} is "${excerpt(line)}"; expected two tokens with a space between`);
    }
    const unknown = [left, right, left + right].find((token) => !Object.hasOwn(vocabulary, token));
    if (unknown !== undefined) {
      refuse(path, `line ${i + 1} needs the token "${excerpt(unknown)}", which ${VOCABULARY_FILE} has not`);
    }
    merges.push([left, right]);
  });
  return merges;
}

/** Words whose tokens are kept: most of a text is words that were there before. */
const REMEMBERED = 100_000;

/** The tokenizer of a byte-level BPE, with GPT-2's rules of what a word is. `<|endoftext|>` in a text is that token. */
export function bpeTokenizer({ vocabulary, merges }: Bpe): Tokenizer {
  const endToken = vocabulary[END_OF_TEXT];
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const special = { id: endToken, content: END_OF_TEXT, special: true };
  const tokenizer = new HfTokenizer(
    {
      version: '1.0',
      added_tokens: [{ ...special, single_word: false, lstrip: false, rstrip: false, normalized: false }],
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: byteLevel,
      decoder: byteLevel,
      model: { type: 'BPE', vocab: vocabulary, merges, unk_token: null, byte_fallback: false, fuse_unk: false },
    },
    { tokenizer_class: 'GPT2Tokenizer', clean_up_tokenization_spaces: false },
  );
  const size = Object.keys(vocabulary).length;
  const remembered = new Map<string, number[]>();
  const encodeWord = (word: string): number[] => {
    const known = remembered.get(word);
    if (known !== undefined) return known;
    const characters = Array.from(Buffer.from(word), (byte) => BYTE_CHARACTERS[byte]).join('');
    const ids = tokenizer.model!.encode([characters]).map((token: string) => vocabulary[token]);
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(word, ids);
    return ids;
  };
  return {
    vocabulary: size,
    endToken,
    encode: (text) => {
      if (typeof text !== 'string') {
        throw new QrkdTypeError('ERR_QRKD_TYPE', `encode: text is ${describe(text)}; expected a string`);
      }
      const ids: number[] = [];
      text.split(END_OF_TEXT).forEach((part, i) => {
        if (i > 0) ids.push(endToken);
        for (const [word] of part.matchAll(WORDS)) ids.push(...encodeWord(word));
      });
      return Int32Array.from(ids);
    },
    decode: (ids) => {
      const list = Array.from(ids);
      const wrong = list.find((id) => !(Number.isInteger(id) && id >= 0 && id < size));
      if (wrong !== undefined) {
        throw new QrkdRangeError('ERR_QRKD_VALUE', `decode: ${wrong} is no token; expected ids from 0 to ${size - 1}`);
      }
      return list.length === 0 ? '' : tokenizer.decode(list, { clean_up_tokenization_spaces: false });
    },
  };
}

/**
 * The tokenizer of a folder with `vocab.json` and `merges.txt`.
 * @throws {QrkdRangeError} as {@link readBpe}.
 */
export function loadTokenizer(folder: string): Tokenizer {
  return bpeTokenizer(readBpe(folder));
}
