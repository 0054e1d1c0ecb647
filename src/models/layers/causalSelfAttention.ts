import type * as core from '@tensorflow/tfjs-core';
import type { LayerVariable } from '@tensorflow/tfjs-layers';
import { QrkdRangeError } from '../../errors.js';
import { tf } from '../../tensor/backend.js';
import { firstShape, type LayerArgs, type NormalStart, positiveInteger, type Shape } from './args.js';
import { normalStart } from './normalStart.js';

/** Arguments of {@link CausalSelfAttention}. */
export type CausalSelfAttentionArgs = LayerArgs &
  NormalStart & {
    readonly heads: number;
    /** Numbers a token is, d: a multiple of `heads`. */
    readonly width: number;
    /** Share of the attention weights that are dropped in training, 0 to 1; default 0. */
    readonly dropout?: number;
    /** `stddev` of the output projection alone, as GPT-2 has it. */
    readonly projectionStddev?: number;
  };

/** Added to scores of tokens that lie ahead: their share becomes 0 exactly, and sums stay far from overflow. */
const HIDDEN = -1e9;

/**
 * Multi-head self-attention in which a token sees itself and what is before it (Vaswani et al. 2017, arXiv 1706.03762, in
 * GPT-2's form): of values `[n, t, d]` one dense layer makes queries, keys and values, for every head
 * softmax(q k' / sqrt(d / heads)) v over the tokens that are not ahead, and a second dense layer mixes the heads;
 * `[n, t, d]`. Weights: `c_attn` kernel `[d, 3 d]` and bias `[3 d]` (queries, keys, values; within each, head by head),
 * `c_proj` kernel `[d, d]` and bias `[d]`.
 *
 * There is no mask for padding: where it stands on the right, no token before it sees it.
 */
export class CausalSelfAttention extends tf.layers.Layer {
  static readonly className = 'CausalSelfAttention';
  readonly heads: number;
  readonly width: number;
  readonly dropout: number;
  readonly #start: Required<Pick<CausalSelfAttentionArgs, 'stddev' | 'projectionStddev'>> & { seed?: number };
  #weights: LayerVariable[] = [];

  constructor(args: CausalSelfAttentionArgs) {
    super(args);
    this.heads = positiveInteger('CausalSelfAttention', 'heads', args?.heads);
    this.width = positiveInteger('CausalSelfAttention', 'width', args?.width);
    this.dropout = args.dropout ?? 0;
    if (this.width % this.heads !== 0) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `CausalSelfAttention: width is ${this.width}; expected a multiple of the ${this.heads} heads`,
      );
    }
    if (!(this.dropout >= 0 && this.dropout < 1)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `CausalSelfAttention: dropout is ${this.dropout}; expected a number from 0 to less than 1`,
      );
    }
    const stddev = args.stddev ?? 0.02;
    this.#start = { stddev, projectionStddev: args.projectionStddev ?? stddev, seed: args.seed ?? undefined };
    this.inputSpec = [{ ndim: 3, axes: { 2: this.width } }];
  }

  override build(): void {
    const { stddev, projectionStddev, seed } = this.#start;
    const { width: d } = this;
    const add = (name: string, shape: number[], start: NormalStart) =>
      this.addWeight(name, shape, 'float32', normalStart(start));
    this.#weights = [
      add('c_attn/kernel', [d, 3 * d], { stddev, seed }),
      add('c_attn/bias', [3 * d], { stddev: 0 }),
      // Another seed, or the matrix would begin with the same numbers.
      add('c_proj/kernel', [d, d], { stddev: projectionStddev, seed: seed === undefined ? undefined : seed + 0.5 }),
      add('c_proj/bias', [d], { stddev: 0 }),
    ];
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return firstShape(inputShape);
  }

  override call(inputs: core.Tensor | core.Tensor[], { training = false }: { training?: boolean } = {}): core.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const { heads, width } = this;
      const [n, t] = x.shape;
      const each = width / heads;
      const [kernel, bias, projection, projectionBias] = this.#weights.map((weight) => weight.read());
      const rows = tf.reshape(x, [n * t, width]);
      const mixed = tf.reshape(tf.add(tf.matMul(rows, kernel), bias), [n, t, 3 * heads, each]);
      // The one transposition on the way in: all heads of queries, keys and values at once.
      const [q, k, v] = tf.split(tf.transpose(mixed, [0, 2, 1, 3]), 3, 1);
      const scores = tf.matMul(tf.mul(q, 1 / Math.sqrt(each)), k, false, true);
      const seen = tf.softmax(tf.add(scores, tf.tensor2d(hiddenAhead(t), [t, t])));
      const kept = training && this.dropout > 0 ? tf.dropout(seen, this.dropout) : seen;
      const merged = tf.reshape(tf.transpose(tf.matMul(kept, v), [0, 2, 1, 3]), [n * t, width]);
      return tf.reshape(tf.add(tf.matMul(merged, projection), projectionBias), [n, t, width]);
    });
  }

  override getConfig(): core.serialization.ConfigDict {
    const { heads, width, dropout } = this;
    const { stddev, projectionStddev, seed = null } = this.#start;
    return { ...super.getConfig(), heads, width, dropout, stddev, projectionStddev, seed };
  }
}

tf.serialization.registerClass(CausalSelfAttention);

let lastMask = new Float32Array(0);

/** `[t, t]`, row-major: 0 where a token (row) sees another (column). All layers of a model want the same one in a row. */
function hiddenAhead(t: number): Float32Array {
  if (lastMask.length !== t * t) {
    lastMask = new Float32Array(t * t);
    for (let i = 0; i < t; i++) lastMask.fill(HIDDEN, i * t + i + 1, (i + 1) * t);
  }
  return lastMask;
}
