import type * as core from '@tensorflow/tfjs-core';
import { describe, QrkdRangeError, QrkdTypeError } from '../../errors.js';
import { tf } from '../../tensor/backend.js';
import type { FullGpt2Config } from './config.js';

/** Token ids of a batch: rows of one length, an int32 tensor `[n, t]`, or one row alone. */
export type TokenIds = core.Tensor2D | ArrayLike<number> | readonly ArrayLike<number>[];

/**
 * Ids as a model takes them, `[n, t]` int32.
 * @throws {QrkdTypeError | QrkdRangeError} for what is no batch, ids that are no tokens, and rows longer than `n_positions`.
 */
export function readTokens(tokenIds: TokenIds, { vocab_size: vocabulary, n_positions: positions }: FullGpt2Config) {
  const ids = tokenIds instanceof tf.Tensor ? fromTensor(tokenIds) : fromRows(tokenIds);
  const [rows, length] = ids.shape;
  if (rows === 0 || length === 0 || length > positions) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `tokenIds has shape [${ids.shape.join(', ')}]; expected rows of 1 to ${positions} tokens`,
    );
  }
  const values = ids.dataSync();
  const wrong = values.findIndex((id) => !(id >= 0 && id < vocabulary));
  if (wrong >= 0) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `tokenIds has ${values[wrong]} in row ${Math.floor(wrong / length)}, place ${wrong % length}; expected ids from 0 to ${vocabulary - 1}`,
    );
  }
  return ids;
}

function fromTensor(tokenIds: core.Tensor): core.Tensor2D {
  if (tokenIds.rank === 2) return tf.cast(tokenIds, 'int32') as core.Tensor2D;
  throw new QrkdRangeError(
    'ERR_QRKD_SHAPE',
    `tokenIds has shape [${tokenIds.shape.join(', ')}]; expected 2 axes: rows and tokens`,
  );
}

function fromRows(tokenIds: ArrayLike<number> | readonly ArrayLike<number>[]): core.Tensor2D {
  if (tokenIds === null || typeof tokenIds !== 'object' || tokenIds.length === undefined) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `tokenIds is ${describe(tokenIds)}; expected rows of token ids`);
  }
  const rows = (typeof tokenIds[0] === 'object' ? tokenIds : [tokenIds]) as readonly ArrayLike<number>[];
  const length = rows[0].length;
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
