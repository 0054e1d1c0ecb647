import type * as core from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../../errors.js';
import { tf } from '../../tensor/backend.js';
import { buildGpt2 } from './build.js';
import { type FullGpt2Config, type Gpt2Config, readGpt2Config } from './config.js';

/** Token ids of a batch: rows of one length, an int32 tensor `[n, t]`, or one row alone. */
export type TokenIds = core.Tensor2D | ArrayLike<number> | readonly ArrayLike<number>[];

/** A GPT-2: its shape and its tfjs model, and what can be asked of it. */
export class Gpt2 {
  readonly config: FullGpt2Config;
  readonly model: LayersModel;

  constructor(config: FullGpt2Config, model: LayersModel) {
    this.config = config;
    this.model = model;
  }

  /**
   * Logits in inference: `[n, t, vocab_size]` of a language model, `[n, num_labels]` of a classifier.
   * @throws {QrkdRangeError} for ids that are no tokens, and sequences longer than `n_positions`.
   */
  logits(tokenIds: TokenIds): core.Tensor {
    return tf.tidy(() => this.model.apply(this.tokens(tokenIds)) as core.Tensor);
  }

  /** Frees the memory of the model. */
  dispose(): void {
    this.model.dispose();
  }

  /** Ids as the model takes them, checked. */
  protected tokens(tokenIds: TokenIds): core.Tensor2D {
    const ids = readTokens(tokenIds);
    const { vocab_size: vocabulary, n_positions: positions } = this.config;
    const values = ids.dataSync();
    const wrong = values.findIndex((id) => !(id >= 0 && id < vocabulary));
    if (wrong >= 0) {
      const [row, place] = [Math.floor(wrong / ids.shape[1]), wrong % ids.shape[1]];
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `tokenIds has ${values[wrong]} in row ${row}, place ${place}; expected ids from 0 to ${vocabulary - 1}`,
      );
    }
    if (ids.size === 0 || ids.shape[1] > positions) {
      throw new QrkdRangeError(
        'ERR_QRKD_SHAPE',
        `tokenIds has shape [${ids.shape.join(', ')}]; expected rows of 1 to ${positions} tokens`,
      );
    }
    return ids;
  }
}

/**
 * A GPT-2 with fresh weights: a language model, or with `num_labels` a classifier of the last token that is not padding.
 * The seed is that of the weights, an integer from 0 to 2^32 - 1, default 0.
 * @throws {QrkdTypeError | QrkdRangeError} for unknown keys and values that no GPT-2 has.
 */
export function makeGpt2(config: Gpt2Config, options: { readonly seed?: number } = {}): Gpt2 {
  rejectUnknownKeys(options, ['seed'], 'makeGpt2');
  const { seed = 0 } = options;
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `makeGpt2: seed is ${describe(seed)}; expected an integer from 0 to ${0xffffffff}`,
    );
  }
  const full = readGpt2Config(config, 'makeGpt2');
  return new Gpt2(full, buildGpt2(full, seed));
}

function readTokens(tokenIds: TokenIds): core.Tensor2D {
  if (tokenIds instanceof tf.Tensor) {
    if (tokenIds.rank === 2) return tf.cast(tokenIds, 'int32') as core.Tensor2D;
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `tokenIds has shape [${tokenIds.shape.join(', ')}]; expected 2 axes: rows and tokens`,
    );
  }
  if (tokenIds === null || typeof tokenIds !== 'object' || tokenIds.length === undefined) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `tokenIds is ${describe(tokenIds)}; expected rows of token ids`);
  }
  const rows = (typeof tokenIds[0] === 'object' ? tokenIds : [tokenIds]) as readonly ArrayLike<number>[];
  const length = rows[0]?.length ?? 0;
  const other = rows.findIndex((row) => row.length !== length);
  if (other >= 0) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `tokenIds: row ${other} has ${rows[other].length} tokens, row 0 has ${length}; expected rows of one length`,
    );
  }
  const ids = new Int32Array(rows.length * length);
  rows.forEach((row, i) => {
    ids.set(row, i * length);
  });
  return tf.tensor2d(ids, [rows.length, length], 'int32');
}
