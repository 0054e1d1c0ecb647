import { checkMemory } from '../engine/memory.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import type { Tokenizer } from './tokenizer.js';

/** Sequences of token ids, as `distill` trains on them. */
export interface TokenSet {
  /** Ids, row-major `[n, length]`; what is behind a text's end is padding. */
  readonly tokens: Int32Array;
  /** Language modelling: the next token of each, `n * length`, -1 where none counts. Classification: classes, `n`. */
  readonly labels: Int32Array;
  /** `[n, length]`. */
  readonly shape: readonly [number, number];
}

/** Texts cut or padded to one length. */
export interface LabelledTokens extends TokenSet {
  /** Tokens of each text that are there, at most `length`. */
  readonly lengths: Int32Array;
  readonly padToken: number;
  /** How many texts were longer. */
  readonly truncated: number;
}

/**
 * The ids of documents, one after the other, each ended by the tokenizer's end token; a document whose own last token is that
 * (a word tokenizer's last line) gets no second one.
 */
export function joinDocuments(documents: readonly string[], tokenizer: Tokenizer): Int32Array {
  if (!Array.isArray(documents)) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `joinDocuments: documents is ${describe(documents)}; expected an array of texts`,
    );
  }
  const { endToken } = tokenizer;
  const pieces = documents.map((document) => tokenizer.encode(document));
  const ended = (piece: Int32Array): boolean => piece.length > 0 && piece[piece.length - 1] === endToken;
  const ids = new Int32Array(pieces.reduce((sum, piece) => sum + piece.length + (ended(piece) ? 0 : 1), 0));
  let at = 0;
  for (const piece of pieces) {
    ids.set(piece, at);
    at += piece.length;
    if (!ended(piece)) ids[at++] = endToken;
  }
  return ids;
}

/**
 * Blocks for training a language model: block i has the ids from `i * length` on, and as labels the ids one further, so every id
 * but the first is a label once. What is behind the last label is padding with label -1.
 *
 * @param options.length tokens of a block, at most the model's context.
 * @param options.padToken fills the last block; any id, as nothing behind a token reaches it. Default 0.
 * @throws {QrkdRangeError} `ERR_QRKD_VALUE` for a length that is none, `ERR_QRKD_SHAPE` for fewer than two ids.
 */
export function languageBlocks(
  ids: Int32Array,
  options: { readonly length: number; readonly padToken?: number },
): TokenSet {
  rejectUnknownKeys(options, ['length', 'padToken'], 'languageBlocks');
  const { length, padToken = 0 } = options;
  checkLength(length, 'languageBlocks');
  if (!(ids instanceof Int32Array)) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `languageBlocks: ids is ${describe(ids)}; expected an Int32Array`);
  }
  if (ids.length < 2) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `languageBlocks: there are ${ids.length} ids; expected two or more`);
  }
  const targets = ids.length - 1;
  const n = Math.ceil(targets / length);
  checkMemory(8 * n * length, 'languageBlocks');
  const tokens = new Int32Array(n * length).fill(padToken);
  const labels = new Int32Array(n * length).fill(-1);
  tokens.set(ids.subarray(0, targets));
  labels.set(ids.subarray(1));
  return { tokens, labels, shape: [n, length] };
}

export interface ClassificationOptions {
  /** Tokens of a row: longer texts are cut, shorter ones padded on the right. */
  readonly length: number;
  /** Default: the tokenizer's, else its end token. */
  readonly padToken?: number;
  /** Which end of a longer text stays. Default `start`. */
  readonly keep?: 'start' | 'end';
}

/**
 * Rows for classifying texts, in their order.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_VALUE` for a text without any token, or with the padding token in it (then give one of its
 * own: pooling would take the end of the text for padding).
 */
export function classificationRows(
  { texts, labels }: { readonly texts: readonly string[]; readonly labels: Int32Array },
  tokenizer: Tokenizer,
  options: ClassificationOptions,
): LabelledTokens {
  const where = 'classificationRows';
  rejectUnknownKeys(options, ['length', 'padToken', 'keep'], where);
  const { length, padToken = tokenizer.padToken ?? tokenizer.endToken, keep = 'start' } = options;
  checkLength(length, where);
  if (keep !== 'start' && keep !== 'end') {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: keep is ${JSON.stringify(keep)}; expected "start" or "end"`);
  }
  if (!Array.isArray(texts) || labels?.length === undefined) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: texts is ${describe(texts)}, labels is ${describe(labels)}; expected { texts: strings, labels: Int32Array }`,
    );
  }
  if (texts.length === 0 || texts.length !== labels.length) {
    const found = `${texts.length} texts and ${labels.length} labels`;
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `${where}: there are ${found}; expected as many of each, at least one`);
  }
  checkMemory(4 * texts.length * length, where);
  const tokens = new Int32Array(texts.length * length).fill(padToken);
  const lengths = new Int32Array(texts.length);
  let truncated = 0;
  texts.forEach((text, row) => {
    const all = keep === 'start' ? atLeast(length + 1, text, tokenizer) : tokenizer.encode(text);
    if (all.length === 0) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: texts[${row}] has no token; leave out empty texts`);
    }
    if (all.length > length) truncated++;
    const kept = keep === 'start' ? all.subarray(0, length) : all.subarray(Math.max(0, all.length - length));
    if (kept.includes(padToken)) {
      const advice = `give a padToken of its own, such as ${tokenizer.vocabulary} in a vocabulary of one more`;
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${where}: texts[${row}] has the padding token ${padToken}; ${advice}`,
      );
    }
    tokens.set(kept, row * length);
    lengths[row] = kept.length;
  });
  return { tokens, labels: Int32Array.from(labels), shape: [texts.length, length], lengths, padToken, truncated };
}

/** A first guess at the characters of a token; texts are encoded whole where it is too few. */
const CHARACTERS = 8;

/**
 * The first tokens of a text, `count` of them or more, or all that it has. Long texts are cut before white space, where
 * a token ends (see {@link Tokenizer}): what comes before the cut has the tokens that it has in the whole.
 */
function atLeast(count: number, text: string, tokenizer: Tokenizer): Int32Array {
  for (let size = CHARACTERS * count; size < text.length; size *= 2) {
    let cut = size;
    while (cut > 0 && !(isSpace(text, cut) && !isSpace(text, cut - 1))) cut--;
    const ids = tokenizer.encode(text.slice(0, cut));
    if (ids.length >= count) return ids;
  }
  return tokenizer.encode(text);
}

const isSpace = (text: string, at: number): boolean => /\s/.test(text[at]);

function checkLength(length: number, where: string): void {
  if (Number.isInteger(length) && length > 0) return;
  throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: length is ${length}; expected a positive integer`);
}
