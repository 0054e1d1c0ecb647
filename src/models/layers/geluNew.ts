import type * as core from '@tensorflow/tfjs-core';
import { tf } from '../../tensor/backend.js';

/**
 * GPT-2's activation, x (1 + tanh(u)) / 2 = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3): the tanh approximation of
 * Hendrycks and Gimpel 2016 (arXiv 1606.08415). Replaces tfjs's own of that name, which raises to a power that may be anything and cannot be
 * read back from a saved model.
 */
class GeluNew extends tf.serialization.Serializable {
  static readonly className: string = 'gelu_new';

  apply(x: core.Tensor): core.Tensor {
    return tf.tidy(() => {
      const scale = 2 * Math.sqrt(2 / Math.PI);
      const slope = tf.add(tf.mul(tf.square(x), 0.044715 * scale), scale);
      return tf.mul(x, tf.sigmoid(tf.mul(x, slope)));
    });
  }

  // The one name that other parts of a program know, however it was found.
  override getClassName(): string {
    return 'gelu_new';
  }

  override getConfig(): core.serialization.ConfigDict {
    return {};
  }
}

/** tfjs writes the name with an underscore and looks for it in camel case when it reads a model. */
class GeluNewOfFiles extends GeluNew {
  static override readonly className: string = 'geluNew';
}

tf.serialization.registerClass(GeluNew);
tf.serialization.registerClass(GeluNewOfFiles);
