import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';

/** Logits as a tfjs tensor has them; it is disposed after it was read. */
interface LogitsTensor {
  readonly shape: readonly number[];
  data(): Promise<ArrayLike<number>>;
  dispose(): void;
}

/** Logits `[rows, tokens, vocabulary]`, row-major. */
export type Logits = ArrayLike<number> | LogitsTensor;

/** A language model: rows of ids, all of one length, to their logits; `(rows) => gpt2.logits(rows)`. */
export type LanguageModel = (rows: Int32Array[]) => Logits | Promise<Logits>;

export interface PerplexityOptions {
  /** Tokens of a window, at most what the model takes. */
  readonly context: number;
  /** How far one window begins behind the other; default: the context, so that windows do not overlap. */
  readonly stride?: number;
  /** Windows that are given to the model at once; default 1. */
  readonly batch?: number;
  /** Words of the text (`words` of a part of a corpus), for the perplexity per word. */
  readonly words?: number;
  readonly signal?: AbortSignal;
  /** Called after each batch with the shares that are done, 0 to 1. */
  readonly onProgress?: (done: number) => void;
}

export interface Perplexity {
  /** exp of the mean over tokens that were predicted: `nll / tokens`. */
  readonly pplToken: number;
  /**
   * exp(nll / tokens * textTokens / words): the same in words. Tokens that no window predicts are taken to cost what the others do
   * on average: with overlapping windows that is the first token alone.
   */
  readonly pplWord?: number;
  /**
   * As transformers' page on perplexity of fixed-length models weighs it: windows after the first count for one token less than
   * they predict where windows overlap. For comparing with figures made so; it tends to `pplToken` in long texts.
   */
  readonly pplRecipe: number;
  /** Sum of -log p in nats over the tokens that were predicted. */
  readonly nll: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  /** All tokens of the text. */
  readonly textTokens: number;
  readonly words?: number;
  readonly context: number;
  readonly stride: number;
}

/** Tokens `begin` to `end` go in; those from `first` on are predicted. */
interface Window {
  begin: number;
  end: number;
  first: number;
}

/**
 * Perplexity of a text by a sliding window. Windows of `context` tokens begin every `stride` tokens; of each one only the
 * tokens that no earlier window has seen are counted, so with `stride < context` every counted token has at least
 * `context - stride` tokens before it, and with `stride = context` the first token of each window is not predicted at all.
 * Source: huggingface.co/docs/transformers/perplexity.
 *
 * @param ids of the whole text.
 * @throws {QrkdRangeError} `ERR_QRKD_VALUE` or `ERR_QRKD_SHAPE` for options or logits that do not fit, `ERR_QRKD_NOT_FINITE` for a model
 * that gives NaN; what the model throws.
 */
export async function perplexity(
  ids: Int32Array,
  model: LanguageModel,
  options: PerplexityOptions,
): Promise<Perplexity> {
  if (typeof model !== 'function') {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `perplexity: model is ${describe(model)}; expected a function, such as (rows) => gpt2.logits(rows)`,
    );
  }
  checkOptions(ids, options);
  const { context, stride = context, batch = 1, words, signal, onProgress } = options;
  const windows = windowsOf(ids.length, context, stride);
  let nll = 0;
  let tokens = 0;
  let weighted = 0;
  let weights = 0;
  for (let at = 0; at < windows.length; ) {
    signal?.throwIfAborted();
    const group = sameLength(windows, at, batch);
    const rows = group.map(({ begin, end }) => ids.slice(begin, end));
    const values = await read(await model(rows), rows);
    const size = values.length / rows.length;
    group.forEach((window, row) => {
      const { sum, count } = score(ids, window, values, row * size, size / (window.end - window.begin));
      nll += sum;
      tokens += count;
      // The recipe counts labels before they are shifted, less one.
      const weight = window.end - window.first - 1;
      if (count > 0) weighted += (sum / count) * weight;
      weights += weight;
    });
    at += group.length;
    onProgress?.(at / windows.length);
  }
  const mean = nll / tokens;
  return {
    pplToken: Math.exp(mean),
    ...(words !== undefined && { pplWord: Math.exp((mean * ids.length) / words), words }),
    pplRecipe: Math.exp(weighted / weights),
    nll,
    tokens,
    textTokens: ids.length,
    context,
    stride,
  };
}

function windowsOf(length: number, context: number, stride: number): Window[] {
  const windows: Window[] = [];
  let seen = 0;
  for (let begin = 0; begin < length; begin += stride) {
    const end = Math.min(begin + context, length);
    windows.push({ begin, end, first: seen });
    seen = end;
    if (end === length) break;
  }
  return windows;
}

/** Up to `batch` windows from `at` on of one length; only the last window of a text is shorter. */
function sameLength(windows: readonly Window[], at: number, batch: number): Window[] {
  const size = ({ begin, end }: Window): number => end - begin;
  const group = windows.slice(at, at + batch);
  const odd = group.findIndex((window) => size(window) !== size(group[0]));
  return odd < 0 ? group : group.slice(0, odd);
}

async function read(logits: Logits, rows: readonly Int32Array[]): Promise<ArrayLike<number>> {
  const isTensor = typeof (logits as Partial<LogitsTensor> | null)?.data === 'function';
  const values = isTensor ? await (logits as LogitsTensor).data() : (logits as ArrayLike<number>);
  if (isTensor) (logits as LogitsTensor).dispose();
  const positions = rows.length * rows[0].length;
  if (!(values?.length > 0) || values.length % positions !== 0) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `perplexity: the model gave ${values?.length} logits for ${rows.length} x ${rows[0].length} tokens; expected a whole number for each`,
    );
  }
  return values;
}

/** Sum of -log p of a window's tokens from `first` on, in float64; the token at `begin` has nothing before it. */
function score(
  ids: Int32Array,
  { begin, end, first }: Window,
  logits: ArrayLike<number>,
  offset: number,
  vocabulary: number,
): { sum: number; count: number } {
  let sum = 0;
  let count = 0;
  for (let place = Math.max(first, begin + 1); place < end; place++) {
    const id = ids[place];
    if (id < 0 || id >= vocabulary) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `perplexity: ids[${place}] is ${id}; the model has logits for 0 to ${vocabulary - 1}`,
      );
    }
    const at = offset + (place - 1 - begin) * vocabulary;
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < vocabulary; k++) if (logits[at + k] > largest) largest = logits[at + k];
    let total = 0;
    for (let k = 0; k < vocabulary; k++) total += Math.exp(logits[at + k] - largest);
    const loss = largest + Math.log(total) - logits[at + id];
    if (!Number.isFinite(loss)) {
      throw new QrkdRangeError('ERR_QRKD_NOT_FINITE', `perplexity: the loss of ids[${place}] is ${loss}`);
    }
    sum += loss;
    count++;
  }
  return { sum, count };
}

function checkOptions(ids: Int32Array, options: PerplexityOptions): void {
  rejectUnknownKeys(options, ['context', 'stride', 'batch', 'words', 'signal', 'onProgress'], 'perplexity');
  if (!(ids instanceof Int32Array)) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', 'perplexity: ids must be an Int32Array, as tokenizers give them');
  }
  if (ids.length < 2) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `perplexity: there are ${ids.length} ids; expected two or more`);
  }
  const { context, stride = context, batch = 1, words } = options;
  const whole = (name: string, value: number, from: number, to: number): void => {
    if (Number.isInteger(value) && value >= from && value <= to) return;
    const range = to === Number.POSITIVE_INFINITY ? `of ${from} or more` : `from ${from} to ${to}`;
    throw new QrkdRangeError('ERR_QRKD_VALUE', `perplexity: ${name} is ${value}; expected an integer ${range}`);
  };
  whole('context', context, 2, Number.POSITIVE_INFINITY);
  whole('stride', stride, 1, context);
  whole('batch', batch, 1, Number.POSITIVE_INFINITY);
  if (words !== undefined) whole('words', words, 1, Number.POSITIVE_INFINITY);
}
