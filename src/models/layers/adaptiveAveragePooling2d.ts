import type * as core from '@tensorflow/tfjs-core';
import type { layers } from '@tensorflow/tfjs-layers';
import { tf } from '../../tensor/backend.js';
import { type AdaptiveSize, adaptiveOutputSize, averagingMatrix } from './adaptiveWindows.js';

type Shape = (number | null)[];
type LayerArgs = ConstructorParameters<typeof layers.Layer>[0];

/** Arguments of {@link adaptiveAveragePooling2d}. */
export type AdaptiveAveragePooling2dArgs = LayerArgs & {
  /** Height and width of the output, or one number for both. */
  readonly outputSize: AdaptiveSize;
};

/**
 * Average pooling to a fixed output size with PyTorch's windows (`torch.nn.AdaptiveAvgPool2d`): on each axis, output i
 * is the mean over inputs floor(i * in / out) to ceil((i + 1) * in / out), exclusive; windows may overlap.
 * Input `[batch, height, width, channels]`, output `[batch, outputSize[0], outputSize[1], channels]`. No weights.
 */
export class AdaptiveAveragePooling2d extends tf.layers.Layer {
  static readonly className = 'AdaptiveAveragePooling2d';
  readonly outputSize: readonly [number, number];

  constructor(args: AdaptiveAveragePooling2dArgs) {
    super(args);
    this.outputSize = adaptiveOutputSize(args?.outputSize);
    this.inputSpec = [{ ndim: 4 }];
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, , , channels] = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as Shape;
    return [batch, this.outputSize[0], this.outputSize[1], channels];
  }

  // Both axes at once as one product with a constant [height * width, out * out] matrix, which is small; a transposition
  // brings the pixels last, so that samples and channels are rows of a plain 2-D product (the gradient of a batched
  // one throws in tfjs).
  override call(inputs: core.Tensor | core.Tensor[]): core.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const [batch, height, width, channels] = x.shape;
      const [rows, columns] = this.outputSize;
      const matrix = tf.tensor2d(averagingMatrix([height, width], this.outputSize), [height * width, rows * columns]);
      const pixelsLast = tf.transpose(tf.reshape(x, [batch, height * width, channels]), [0, 2, 1]);
      const means = tf.matMul(tf.reshape(pixelsLast, [batch * channels, height * width]), matrix);
      const channelsLast = tf.transpose(tf.reshape(means, [batch, channels, rows * columns]), [0, 2, 1]);
      return tf.reshape(channelsLast, [batch, rows, columns, channels]);
    });
  }

  override getConfig(): core.serialization.ConfigDict {
    return { ...super.getConfig(), outputSize: [...this.outputSize] };
  }
}

tf.serialization.registerClass(AdaptiveAveragePooling2d);

/** The layer, ready to `apply`, in the style of `tf.layers`. */
export function adaptiveAveragePooling2d(args: AdaptiveAveragePooling2dArgs): AdaptiveAveragePooling2d {
  return new AdaptiveAveragePooling2d(args);
}
