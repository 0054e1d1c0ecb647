import type * as core from '@tensorflow/tfjs-core';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../../errors.js';
import { tf } from '../../tensor/backend.js';
import { loadTokenizer } from '../../text/bpe.js';
import { continueTokens, type GenerateOptions } from '../../text/generation.js';
import type { Tokenizer } from '../../text/tokenizer.js';
import { buildGpt2 } from './build.js';
import { type FullGpt2Config, type Gpt2Config, readGpt2Config } from './config.js';
import { readTokens, type TokenIds } from './tokenIds.js';

/** What a GPT-2 reads text with: a tokenizer, or the folder of its `vocab.json` and `merges.txt`, read at the first use of text. */
export type TokenizerSource = Tokenizer | string;

/** A GPT-2: its shape and its tfjs model, and what can be asked of it. */
export class Gpt2 {
  readonly config: FullGpt2Config;
  readonly model: LayersModel;
  /** Where {@link tokenizer} comes from; null without one. */
  readonly tokenizerSource: TokenizerSource | null;
  #tokenizer: Tokenizer | undefined;
  /** The model up to its hidden states. */
  #inner: LayersModel | undefined;

  /** @param model as `buildGpt2` makes it; {@link makeGpt2} and {@link loadGpt2} are the ways to have one. */
  constructor(config: FullGpt2Config, model: LayersModel, tokenizer: TokenizerSource | null = null) {
    this.config = config;
    this.model = model;
    this.tokenizerSource = tokenizer;
  }

  /**
   * Text to tokens and back.
   * @throws {QrkdTypeError | QrkdRangeError} where there is none: no source was given, or its files are missing, damaged, or of
   *   another vocabulary.
   */
  get tokenizer(): Tokenizer {
    if (this.#tokenizer !== undefined) return this.#tokenizer;
    const source = this.tokenizerSource;
    if (source === null) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', 'this GPT-2 has no tokenizer: give makeGpt2 one, or use token ids');
    }
    const tokenizer = typeof source === 'string' ? loadTokenizer(source) : source;
    if (tokenizer.vocabulary > this.config.vocab_size) {
      const where = typeof source === 'string' ? ` in ${source}` : '';
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `the tokenizer${where} has ${tokenizer.vocabulary} tokens; this GPT-2 knows ${this.config.vocab_size}`,
      );
    }
    this.#tokenizer = tokenizer;
    return tokenizer;
  }

  /**
   * Logits in inference: `[n, t, vocab_size]` of a language model, `[n, num_labels]` of a classifier.
   * @throws {QrkdTypeError | QrkdRangeError} for ids that are no tokens, and sequences longer than `n_positions`.
   */
  logits(tokenIds: TokenIds): core.Tensor {
    return tf.tidy(() => this.model.apply(readTokens(tokenIds, this.config)) as core.Tensor);
  }

  /**
   * What the blocks see and give in inference, n_layer + 1 tensors `[n, t, n_embd]` as transformers' `hidden_states`: the
   * embedded tokens, the output of every block but the last, and the last one's behind the final norm.
   * @throws as {@link logits}.
   */
  hiddenStates(tokenIds: TokenIds): core.Tensor3D[] {
    return tf.tidy(() => this.#hidden(readTokens(tokenIds, this.config)));
  }

  /**
   * Continues a text, or a row of token ids: with the most likely token each time, or with drawn ones. Ends with
   * `eos_token_id`.
   * @returns all of it, with what it began with.
   * @throws {QrkdTypeError | QrkdRangeError} for unknown options, values out of range, and a classifier.
   */
  async generate(prompt: string, options?: GenerateOptions): Promise<string>;
  async generate(prompt: ArrayLike<number>, options?: GenerateOptions): Promise<Int32Array>;
  async generate(prompt: string | ArrayLike<number>, options: GenerateOptions = {}): Promise<string | Int32Array> {
    if (this.config.num_labels !== null) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', 'generate: this GPT-2 is a classifier; expected a language model');
    }
    const tokens = typeof prompt === 'string' ? this.tokenizer.encode(prompt) : prompt;
    const ids = await continueTokens(tokens, options, {
      longest: this.config.n_positions,
      endToken: this.config.eos_token_id,
      next: (row) => this.#next(row),
    });
    return typeof prompt === 'string' ? this.tokenizer.decode(ids) : ids;
  }

  /** Frees the memory of the model. */
  dispose(): void {
    // The layers are the same in both.
    this.model.dispose();
  }

  #hidden(tokens: core.Tensor2D): core.Tensor3D[] {
    this.#inner ??= tf.model({
      inputs: this.model.inputs,
      outputs: hiddenLayers(this.config).map((name) => this.model.getLayer(name).output as SymbolicTensor),
    });
    return this.#inner.apply(tokens) as core.Tensor3D[];
  }

  /** Logits behind a row: of the last place alone, whose product with the embedding is one of t. */
  async #next(row: Int32Array): Promise<Float32Array> {
    const logits = tf.tidy(() => {
      const last = this.#hidden(readTokens([row], this.config)).pop()!;
      const place = tf.slice(last, [0, row.length - 1, 0], [1, 1, this.config.n_embd]);
      return this.model.getLayer('wte').apply(place) as core.Tensor;
    });
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    return values;
  }
}

/** The layers whose outputs are transformers' `hidden_states`. */
function hiddenLayers({ n_layer: blocks }: FullGpt2Config): string[] {
  return ['wpe', ...Array.from({ length: blocks - 1 }, (_, i) => `h.${i}`), 'ln_f'];
}

/** What {@link makeGpt2} takes beside the shape. */
export interface MakeGpt2Options {
  /** Of the weights, an integer from 0 to 2^32 - 1; default 0. */
  readonly seed?: number;
  /** What text is read with; without it the model takes token ids only. */
  readonly tokenizer?: TokenizerSource;
}

/**
 * A GPT-2 with fresh weights: a language model, or with `num_labels` a classifier of the last token that is not padding.
 * @throws {QrkdTypeError | QrkdRangeError} for unknown keys and values that no GPT-2 has.
 */
export function makeGpt2(config: Gpt2Config, options: MakeGpt2Options = {}): Gpt2 {
  rejectUnknownKeys(options, ['seed', 'tokenizer'], 'makeGpt2');
  const seed = checkSeed(options.seed, 'makeGpt2');
  const full = readGpt2Config(config, 'makeGpt2');
  return new Gpt2(full, buildGpt2(full, seed), options.tokenizer);
}

export function checkSeed(seed: number | undefined, where: string): number {
  if (seed === undefined) return 0;
  if (Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff) return seed;
  throw new QrkdRangeError(
    'ERR_QRKD_VALUE',
    `${where}: seed is ${describe(seed)}; expected an integer from 0 to ${0xffffffff}`,
  );
}
