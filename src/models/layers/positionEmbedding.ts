import type * as core from '@tensorflow/tfjs-core';
import type { LayerVariable } from '@tensorflow/tfjs-layers';
import { QrkdRangeError } from '../../errors.js';
import { tf } from '../../tensor/backend.js';
import { firstShape, type LayerArgs, type NormalStart, positiveInteger, type Shape } from './args.js';
import { normalStart } from './normalStart.js';

/** Arguments of {@link PositionEmbedding}. */
export type PositionEmbeddingArgs = LayerArgs &
  NormalStart & {
    /** Length of the longest sequence, P. */
    readonly positions: number;
    /** Numbers a token is, d. */
    readonly width: number;
  };

/**
 * Adds a trained vector for every position: values `[n, t, d]` plus the first t rows of one weight `[P, d]`.
 * @throws {QrkdRangeError} `ERR_QRKD_SHAPE` for sequences of more than P tokens.
 */
export class PositionEmbedding extends tf.layers.Layer {
  static readonly className = 'PositionEmbedding';
  readonly positions: number;
  readonly width: number;
  readonly #start: NormalStart;
  #weight: LayerVariable | undefined;

  constructor(args: PositionEmbeddingArgs) {
    super(args);
    this.positions = positiveInteger('PositionEmbedding', 'positions', args?.positions);
    this.width = positiveInteger('PositionEmbedding', 'width', args?.width);
    this.#start = { stddev: args.stddev ?? 0.02, seed: args.seed ?? undefined };
    this.inputSpec = [{ ndim: 3, axes: { 2: this.width } }];
  }

  override build(): void {
    this.#weight = this.addWeight('weight', [this.positions, this.width], 'float32', normalStart(this.#start));
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const shape = firstShape(inputShape);
    this.#checkLength(shape[1] ?? 0);
    return shape;
  }

  override call(inputs: core.Tensor | core.Tensor[]): core.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const length = x.shape[1]!;
      this.#checkLength(length);
      return tf.add(x, tf.slice(this.#weight!.read(), [0, 0], [length, this.width]));
    });
  }

  override getConfig(): core.serialization.ConfigDict {
    const { stddev, seed = null } = this.#start;
    return { ...super.getConfig(), positions: this.positions, width: this.width, stddev: stddev!, seed };
  }

  #checkLength(length: number): void {
    if (length <= this.positions) return;
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `layer "${this.name}" (PositionEmbedding) got sequences of ${length} tokens; expected at most ${this.positions}`,
    );
  }
}

tf.serialization.registerClass(PositionEmbedding);
