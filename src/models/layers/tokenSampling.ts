import type * as core from '@tensorflow/tfjs-core';
import { tf } from '../../tensor/backend.js';
import { firstShape, type LayerArgs, optionalToken, positiveInteger, type Shape } from './args.js';

/** Arguments of {@link TokenSampling}. */
export type TokenSamplingArgs = LayerArgs & {
  /** How many tokens of each sequence. */
  readonly tokens: number;
  /** The token that fills up sequences and is never drawn; without one every token may be. */
  readonly padToken?: number | null;
};

/**
 * Some tokens of each sequence: of values `[n, t, d]` and their tokens `[n, t]` (two inputs) the values at `tokens` places,
 * one after another, `[n, tokens * d]`. The places are {@link drawPlaces}: the same wherever the same sequence is read. No weights.
 */
export class TokenSampling extends tf.layers.Layer {
  static readonly className = 'TokenSampling';
  readonly tokens: number;
  readonly padToken: number | null;

  constructor(args: TokenSamplingArgs) {
    super(args);
    this.tokens = positiveInteger('TokenSampling', 'tokens', args.tokens);
    this.padToken = optionalToken('TokenSampling', 'padToken', args.padToken);
    this.inputSpec = [{ ndim: 3 }, { ndim: 2 }];
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [n, , width] = firstShape(inputShape);
    return [n, width === null ? null : this.tokens * width];
  }

  override call(inputs: core.Tensor | core.Tensor[]): core.Tensor {
    return tf.tidy(() => {
      const [values, tokens] = inputs as core.Tensor[];
      const [n, t, width] = values.shape;
      const ids = tokens.dataSync();
      const places = Array.from({ length: n }, (_, i) =>
        drawPlaces(ids.subarray(i * t, (i + 1) * t), this.tokens, this.padToken),
      );
      // A product, not a gather, whose gradient not every backend has.
      const drawn = tf.cast(tf.oneHot(tf.tensor2d(places, [n, this.tokens], 'int32'), t), 'float32');
      return tf.reshape(tf.matMul(drawn, values), [n, this.tokens * width]);
    });
  }

  override getConfig(): core.serialization.ConfigDict {
    return { ...super.getConfig(), tokens: this.tokens, padToken: this.padToken };
  }
}

tf.serialization.registerClass(TokenSampling);

/**
 * Places of `count` tokens of a sequence, in order: its tokens but the padding are cut into `count` equal parts, and one is drawn
 * of each. In sequences shorter than that tokens occur more than once; where all is padding, the first place stands for all.
 *
 * The numbers drawn follow from the tokens alone (FNV-1a over them, MurmurHash3's finaliser for each number), so that teacher and
 * student, both engines and every epoch look at the same places, and how much padding there is does not matter.
 * `native/core/network/layers/token_sampling.cpp` draws the same.
 */
export function drawPlaces(ids: ArrayLike<number>, count: number, padToken: number | null): number[] {
  const present: number[] = [];
  let hash = 0x811c9dc5;
  for (let t = 0; t < ids.length; t++) {
    if (ids[t] === padToken) continue;
    present.push(t);
    hash = Math.imul(hash ^ ids[t], 0x01000193);
  }
  if (present.length === 0) return new Array<number>(count).fill(0);
  return Array.from({ length: count }, (_, k) => {
    const share = k + finish(hash + Math.imul(k, 0x9e3779b9)) / 2 ** 32;
    return present[Math.min(present.length - 1, Math.floor((share * present.length) / count))];
  });
}

/** Spreads all bits of a 32-bit number over all others. */
function finish(hash: number): number {
  let h = hash | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
