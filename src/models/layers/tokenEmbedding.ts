import type * as core from '@tensorflow/tfjs-core';
import type { LayerVariable } from '@tensorflow/tfjs-layers';
import { QrkdRangeError } from '../../errors.js';
import { tf } from '../../tensor/backend.js';
import { firstShape, type LayerArgs, type NormalStart, positiveInteger, type Shape } from './args.js';
import { normalStart } from './normalStart.js';

/** Arguments of {@link TokenEmbedding}. */
export type TokenEmbeddingArgs = LayerArgs &
  NormalStart & {
    /** Number of tokens, V. */
    readonly vocabulary: number;
    /** Numbers a token becomes, d. */
    readonly width: number;
  };

/**
 * A vector for every token, and back: one weight `[V, d]` used in two ways. Ids `[n, t]` (int32) become their rows
 * `[n, t, d]`; values `[n, t, d]` become logits `[n, t, V]`, their products with all rows (Press and Wolf 2017, arXiv
 * 1608.05859). Applied twice within a model it is the tied embedding and head of GPT-2.
 *
 * Ids are not checked: TensorFlow refuses those outside of the vocabulary, the WebAssembly backend does not.
 */
export class TokenEmbedding extends tf.layers.Layer {
  static readonly className = 'TokenEmbedding';
  readonly vocabulary: number;
  readonly width: number;
  readonly #start: NormalStart;
  #weight: LayerVariable | undefined;

  constructor(args: TokenEmbeddingArgs) {
    super(args);
    this.vocabulary = positiveInteger('TokenEmbedding', 'vocabulary', args?.vocabulary);
    this.width = positiveInteger('TokenEmbedding', 'width', args?.width);
    this.#start = { stddev: args.stddev ?? 0.02, seed: args.seed ?? undefined };
  }

  override build(): void {
    this.#weight = this.addWeight('weight', [this.vocabulary, this.width], 'float32', normalStart(this.#start));
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const shape = firstShape(inputShape);
    if (shape.length === 2) return [...shape, this.width];
    if (shape.length === 3 && shape[2] === this.width) return [shape[0], shape[1], this.vocabulary];
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `layer "${this.name}" (TokenEmbedding) got values of shape [${shape.join(', ')}]; expected ids [n, t] or values [n, t, ${this.width}]`,
    );
  }

  override call(inputs: core.Tensor | core.Tensor[]): core.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const weight = this.#weight!.read();
      if (x.rank === 2) return tf.gather(weight, tf.cast(x, 'int32'));
      const [n, t] = x.shape;
      // One plain product of all rows: the gradient of a batched one with a shared operand throws in tfjs.
      const logits = tf.matMul(tf.reshape(x, [n * t, this.width]), weight, false, true);
      return tf.reshape(logits, [n, t, this.vocabulary]);
    });
  }

  override getConfig(): core.serialization.ConfigDict {
    const { stddev, seed = null } = this.#start;
    return { ...super.getConfig(), vocabulary: this.vocabulary, width: this.width, stddev: stddev!, seed };
  }
}

tf.serialization.registerClass(TokenEmbedding);
