import type * as core from '@tensorflow/tfjs-core';
import type { LayersModel, LayerVariable } from '@tensorflow/tfjs-layers';
import { excerpt, QrkdRangeError } from '../../errors.js';
import type { NamedTensor, TensorFiles } from '../../files/safetensors.js';
import { tf } from '../../tensor/backend.js';

/** PyTorch keeps a dense layer's matrix as [outputs, inputs]; GPT-2's own blocks have it the other way round, as tfjs. */
const TRANSPOSED = 'score.weight';

/** Not weights: masks that older versions stored. */
const MASKS = /^h\.\d+\.attn\.(masked_)?bias$/;

const PREFIX = 'transformer.';

/** The tensor's name in transformers' files, without the prefix, of a weight of the tfjs model. */
export function tensorName(weight: LayerVariable): string {
  return weight.originalName
    .replaceAll('/', '.')
    .replace(/\.(gamma|kernel)$/, '.weight')
    .replace(/\.beta$/, '.bias');
}

/** The weights of a model as the tensors of a file, with transformers' names. */
export function* namedTensors(model: LayersModel): Generator<NamedTensor> {
  for (const weight of model.weights) {
    const name = tensorName(weight);
    const value = tf.tidy(() => (name === TRANSPOSED ? tf.transpose(weight.read()) : tf.clone(weight.read())));
    const { shape } = value;
    const data = value.dataSync() as Float32Array;
    value.dispose();
    yield { name: name === TRANSPOSED ? name : PREFIX + name, shape, data };
  }
}

/** The tensors of a file under the names of {@link tensorName}: with the prefix and without, masks left out. */
export class Gpt2Tensors {
  readonly #files: TensorFiles;
  /** What they are called in the file. */
  readonly #names = new Map<string, string>();
  readonly #path: string;

  /** @param path names the files in errors. */
  constructor(files: TensorFiles, path: string) {
    this.#files = files;
    this.#path = path;
    for (const full of files.names) {
      const name = full.startsWith(PREFIX) ? full.slice(PREFIX.length) : full;
      if (this.#names.has(name)) this.#refuse(`holds tensor ${excerpt(name)} with and without "${PREFIX}"`);
      if (!MASKS.test(name)) this.#names.set(name, full);
    }
  }

  /** Rows of the classifier's head; undefined without one. */
  get classes(): number | undefined {
    const name = this.#names.get(TRANSPOSED);
    return name === undefined ? undefined : this.#files.shape(name)[0];
  }

  /**
   * Sets all weights of a model.
   *
   * @param fresh the classifier's head is left as it is, where the file has none.
   * @throws {QrkdRangeError} `ERR_QRKD_FORMAT` for tensors that are missing, left over or of another shape,
   *   `ERR_QRKD_UNSUPPORTED` for a head that is not the embedding.
   */
  into(model: LayersModel, fresh: boolean): void {
    const unread = new Set(this.#names.keys());
    for (const weight of model.weights) {
      const name = tensorName(weight);
      unread.delete(name);
      if (name === TRANSPOSED && fresh) continue;
      const value = this.#tensor(name, weight.shape as number[]);
      weight.write(value);
      value.dispose();
    }
    if (unread.delete('lm_head.weight')) this.#checkHead();
    // A language model of a classifier's file.
    unread.delete(TRANSPOSED);
    if (unread.size === 0) return;
    const [first] = unread;
    this.#refuse(`holds ${unread.size} tensors that this GPT-2 has not, ${excerpt(first, 80)} among them`);
  }

  #tensor(name: string, expected: readonly number[]): core.Tensor {
    const full = this.#names.get(name);
    if (full === undefined) return this.#refuse(`has no tensor ${name}`);
    const turned = name === TRANSPOSED;
    const shape = this.#files.shape(full);
    const wanted = turned ? [...expected].reverse() : expected;
    if (shape.length !== wanted.length || shape.some((size, axis) => size !== wanted[axis])) {
      this.#refuse(`tensor ${name} is [${shape.join(', ')}], but config.json makes it [${wanted.join(', ')}]`);
    }
    const { data } = this.#files.read(full);
    return tf.tidy(() => {
      const value = tf.tensor(data, [...shape]);
      return turned ? tf.transpose(value) : value;
    });
  }

  #checkHead(): void {
    const [head, embedding] = ['lm_head.weight', 'wte.weight'].map(
      (name) => this.#files.read(this.#names.get(name)!).data,
    );
    if (head.length === embedding.length && head.every((value, i) => value === embedding[i])) return;
    throw new QrkdRangeError(
      'ERR_QRKD_UNSUPPORTED',
      `${this.#path}: lm_head.weight is not wte.weight; only GPT-2 whose head is its embedding can be loaded`,
    );
  }

  #refuse(why: string): never {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${this.#path}: ${why}`);
  }
}
