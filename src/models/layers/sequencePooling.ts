import type * as core from '@tensorflow/tfjs-core';
import { QrkdRangeError } from '../../errors.js';
import { tf } from '../../tensor/backend.js';
import { firstShape, type LayerArgs, optionalToken, type Shape } from './args.js';

const MODES = ['mean', 'last'] as const;

/** Arguments of {@link SequencePooling}. */
export type SequencePoolingArgs = LayerArgs & {
  /** The mean over a sequence's tokens, or its last token alone. */
  readonly mode: (typeof MODES)[number];
  /** The token that fills up sequences and is skipped; without one every token counts. */
  readonly padToken?: number | null;
};

/**
 * One vector per sequence: of values `[n, t, d]` and their tokens `[n, t]` (two inputs) the mean over all tokens, or the value
 * at the last, padding left out; `[n, d]`. A sequence of nothing but padding gives 0 (`mean`), or its first value (`last`), as
 * transformers' GPT2ForSequenceClassification has it. No weights.
 */
export class SequencePooling extends tf.layers.Layer {
  static readonly className = 'SequencePooling';
  readonly mode: 'mean' | 'last';
  readonly padToken: number | null;

  constructor(args: SequencePoolingArgs) {
    super(args);
    if (!MODES.includes(args?.mode)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `SequencePooling: mode is ${JSON.stringify(args?.mode)}; expected 'mean' or 'last'`,
      );
    }
    this.mode = args.mode;
    this.padToken = optionalToken('SequencePooling', 'padToken', args.padToken);
    this.inputSpec = [{ ndim: 3 }, { ndim: 2 }];
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [n, , width] = firstShape(inputShape);
    return [n, width];
  }

  override call(inputs: core.Tensor | core.Tensor[]): core.Tensor {
    return tf.tidy(() => {
      const [values, tokens] = inputs as core.Tensor[];
      const [n, t, width] = values.shape;
      // One product with a row of weights for every sequence.
      const weights = tf.reshape(this.mode === 'mean' ? this.#shares(tokens) : this.#last(tokens), [n, 1, t]);
      return tf.reshape(tf.matMul(weights, values), [n, width]);
    });
  }

  override getConfig(): core.serialization.ConfigDict {
    return { ...super.getConfig(), mode: this.mode, padToken: this.padToken };
  }

  /** `[n, t]`: 1 for tokens, 0 for padding. */
  #present(tokens: core.Tensor): core.Tensor {
    if (this.padToken === null) return tf.ones([tokens.shape[0], tokens.shape[1]!]);
    return tf.cast(tf.notEqual(tf.cast(tokens, 'int32'), tf.scalar(this.padToken, 'int32')), 'float32');
  }

  /** `[n, t]`: what each token counts in the mean. */
  #shares(tokens: core.Tensor): core.Tensor {
    const present = this.#present(tokens);
    return tf.div(present, tf.maximum(tf.sum(present, 1, true), 1));
  }

  /** `[n, t]`: 1 at the last token, or at the first place where there is none. */
  #last(tokens: core.Tensor): core.Tensor {
    const places = tf.range(0, tokens.shape[1]!);
    const last = tf.max(tf.mul(this.#present(tokens), places), 1, true);
    return tf.cast(tf.equal(places, last), 'float32');
  }
}

tf.serialization.registerClass(SequencePooling);
