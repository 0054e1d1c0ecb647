import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../../errors.js';
import type { Gpt2 } from './gpt2.js';

/** The shape of a GPT-2, in the names of transformers' `config.json`. */
export interface Gpt2Config {
  /** Number of tokens. */
  readonly vocab_size: number;
  /** Length of the longest sequence. */
  readonly n_positions: number;
  /** Numbers a token is; a multiple of `n_head`. */
  readonly n_embd: number;
  readonly n_layer: number;
  readonly n_head: number;
  /** Units of the hidden layer of a block's MLP; null (default) is 4 `n_embd`. */
  readonly n_inner?: number | null;
  /** Default 1e-5. */
  readonly layer_norm_epsilon?: number;
  /** Dropout of what a block adds, of the embedded tokens, and of attention weights: 0 to less than 1, each 0.1 as in GPT-2. */
  readonly resid_pdrop?: number;
  readonly embd_pdrop?: number;
  readonly attn_pdrop?: number;
  /** A classifier of so many classes in place of a language model. */
  readonly num_labels?: number;
  /** The token that fills up sequences of a classifier, on the right; null (default) where all are full. */
  readonly pad_token_id?: number | null;
  /** Ends a text; default null. */
  readonly eos_token_id?: number | null;
}

/** A {@link Gpt2Config} with its defaults filled in; `num_labels` is null for a language model. */
export type FullGpt2Config = Required<Omit<Gpt2Config, 'num_labels' | 'n_inner'>> & {
  readonly n_inner: number;
  readonly num_labels: number | null;
};

const SIZES = ['vocab_size', 'n_positions', 'n_embd', 'n_layer', 'n_head'] as const;
const RATES = ['resid_pdrop', 'embd_pdrop', 'attn_pdrop'] as const;
const TOKENS = ['pad_token_id', 'eos_token_id'] as const;
const KEYS = [...SIZES, ...RATES, ...TOKENS, 'n_inner', 'layer_norm_epsilon', 'num_labels'];

/**
 * Fills in defaults.
 *
 * @param where names the caller or the file in errors.
 * @throws {QrkdTypeError | QrkdRangeError} for unknown keys, and values that no GPT-2 has.
 */
export function readGpt2Config(config: Gpt2Config, where: string): FullGpt2Config {
  rejectUnknownKeys(config, KEYS, where);
  const { n_inner, layer_norm_epsilon = 1e-5, num_labels = null } = config;
  const refuse = (key: string, expected: string): never => {
    const given = describe((config as unknown as Record<string, unknown>)[key]);
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: ${key} is ${given}; expected ${expected}`);
  };
  const count = (key: keyof Gpt2Config, least = 1): number => {
    const value = config[key];
    if (value === undefined) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: ${key} is missing; expected an integer of at least ${least}`);
    }
    return Number.isInteger(value) && value! >= least
      ? (value as number)
      : refuse(key, `an integer of at least ${least}`);
  };
  const sizes = Object.fromEntries(SIZES.map((key) => [key, count(key)])) as Record<(typeof SIZES)[number], number>;
  if (sizes.n_embd % sizes.n_head !== 0) refuse('n_embd', `a multiple of n_head, ${sizes.n_head}`);
  if (typeof layer_norm_epsilon !== 'number' || !(layer_norm_epsilon > 0))
    refuse('layer_norm_epsilon', 'a number greater than 0');
  const rates = Object.fromEntries(
    RATES.map((key) => {
      const rate = config[key] ?? 0.1;
      return [
        key,
        typeof rate === 'number' && rate >= 0 && rate < 1 ? rate : refuse(key, 'a number from 0 to less than 1'),
      ];
    }),
  ) as Record<(typeof RATES)[number], number>;
  const tokens = Object.fromEntries(
    TOKENS.map((key) => {
      const token = config[key] ?? null;
      const known = token === null || (Number.isInteger(token) && token >= 0 && token < sizes.vocab_size);
      return [key, known ? token : refuse(key, `null or a token's id, 0 to ${sizes.vocab_size - 1}`)];
    }),
  ) as Record<(typeof TOKENS)[number], number | null>;
  return {
    ...sizes,
    ...rates,
    ...tokens,
    layer_norm_epsilon,
    n_inner: n_inner === undefined || n_inner === null ? 4 * sizes.n_embd : count('n_inner'),
    num_labels: num_labels === null ? null : count('num_labels', 2),
  };
}

/** Refuses what is no {@link Gpt2}, such as its model alone; `where` names the function in the error. */
export function checkGpt2(gpt2: Gpt2, where: string): Gpt2 {
  if (gpt2?.config !== undefined && gpt2.model !== undefined) return gpt2;
  throw new QrkdTypeError(
    'ERR_QRKD_TYPE',
    `${where}: gpt2 is ${describe(gpt2)}; expected what makeGpt2 or loadGpt2 gives, not its .model`,
  );
}
