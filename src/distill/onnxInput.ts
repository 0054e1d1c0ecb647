import { QrkdRangeError, QrkdTypeError } from '../errors.js';
import type { FloatTensor } from '../onnx/runtime.js';
import { DataType, type GraphProto, type ValueInfoProto } from '../onnx/schema.js';
import type { Inputs } from './teacher.js';

export const IMAGE_LAYOUTS = ['channels-first', 'channels-last'] as const;
export type ImageLayout = (typeof IMAGE_LAYOUTS)[number];

/** One number for each channel of an image. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** The one input that a file is fed; old files list their weights among the inputs. */
export function inputOf({ input, initializer }: GraphProto, path: string): ValueInfoProto {
  const weights = new Set(initializer.map(({ name }) => name));
  const fed = input.filter(({ name }) => !weights.has(name));
  if (fed.length !== 1) {
    const names = fed.map(({ name }) => name).join(', ');
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${path}: a teacher has one input, this file has ${fed.length} (${names})`,
    );
  }
  if (fed[0].type?.tensor_type?.elem_type !== DataType.FLOAT) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${path}: its input "${fed[0].name}" is not of type float32`);
  }
  return fed[0];
}

/** An ONNX file's input of images: how samples, which have their channels last, are brought into its shape. */
export class OnnxInput {
  readonly name: string;
  /** Samples of a batch, where the file takes no other number. */
  readonly fixedBatch: number | undefined;
  /** Extents of a sample; undefined where they are open. */
  readonly #extents: (number | undefined)[];
  #told = false;

  constructor(
    private readonly path: string,
    { name, type }: ValueInfoProto,
    private readonly layout: ImageLayout | undefined,
    private readonly normalize: Normalization | undefined,
  ) {
    this.name = name;
    // A size of 0 is how some exporters write one that is open.
    const [batch, ...extents] = type.tensor_type.shape.dim.map(({ dim_value }) => dim_value || undefined);
    this.fixedBatch = batch;
    this.#extents = extents;
  }

  /** The samples from `start` up to `end` as the file takes them, filled up with zeros where the number is fixed. */
  tensorOf({ images, shape: [n, ...sample] }: Inputs, start: number, end: number): FloatTensor {
    const { normalize } = this;
    const wanted = this.#shapeFor(sample);
    const channels = sample[sample.length - 1];
    if (normalize && !(normalize.mean?.length === channels && normalize.deviation?.length === channels)) {
      throw new QrkdRangeError(
        'ERR_QRKD_SHAPE',
        `onnxTeacher: normalize needs mean and deviation of each of the ${channels} channels`,
      );
    }
    const size = images.length / n;
    const places = size / channels;
    const first = wanted.layout === 'channels-first';
    const rows = this.fixedBatch ?? end - start;
    const data = new Float32Array(rows * size);
    for (let from = start * size, k = 0; from < end * size; from += channels, k++) {
      // Pixel k of the batch, counted over its images.
      const base = first ? Math.floor(k / places) * size + (k % places) : k * channels;
      for (let c = 0; c < channels; c++) {
        const value = images[from + c];
        data[base + (first ? c * places : c)] = normalize
          ? (value - normalize.mean[c]) / normalize.deviation[c]
          : value;
      }
    }
    return { data, shape: [rows, ...wanted.shape] };
  }

  /** Which layout the input's shape asks for. */
  #shapeFor(sample: readonly number[]): { layout: ImageLayout; shape: readonly number[] } {
    const fits = (shape: readonly number[]) =>
      shape.length === this.#extents.length && this.#extents.every((extent, k) => (extent ?? shape[k]) === shape[k]);
    const [height, width, channels] = sample;
    const asked = (layout: ImageLayout) => this.layout === undefined || this.layout === layout;
    const isLast = asked('channels-last') && fits(sample);
    const transposed = [channels, height, width];
    const isFirst = asked('channels-first') && sample.length === 3 && fits(transposed);
    const given = `[n, ${sample.join(', ')}]`;
    const takes = `[n, ${this.#extents.map((extent) => extent ?? '?').join(', ')}]`;
    if (isFirst && isLast) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${this.path}: its input ${takes} fits images ${given} in both layouts; say which with onnxTeacher's layout`,
      );
    }
    if (isLast) return { layout: 'channels-last', shape: sample };
    if (isFirst) {
      if (this.layout === undefined && !this.#told) {
        process.stderr.write(`qrkd: ${this.path} takes images channels first, ${takes}: they are transposed\n`);
      }
      this.#told = true;
      return { layout: 'channels-first', shape: transposed };
    }
    const pixels = sample.reduce((product, extent) => product * extent, 1);
    if (channels === 1 && fits([pixels])) return { layout: 'channels-last', shape: [pixels] };
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `${this.path}: its input ${takes} does not fit images ${given}`);
  }
}
