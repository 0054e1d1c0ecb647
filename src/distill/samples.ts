import type { Tensor } from '@tensorflow/tfjs-core';
import seedrandom from 'seedrandom';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError } from '../errors.js';
import { tf } from '../tensor/backend.js';

/** Labelled samples: what qrkd/data's loaders return, or anything of one's own in this shape. */
export interface SampleSet {
  /** Model inputs, row-major. */
  readonly images: Float32Array;
  /** Class of each sample. */
  readonly labels: Int32Array;
  /** [n, ...shape of one sample]. */
  readonly shape: readonly number[];
}

/** Sequences of token ids: what qrkd/text's blocks are, or anything of one's own in this shape. */
export interface TokenSet {
  /** Ids [n, length], row-major; shorter sequences are padded on the right. */
  readonly tokens: Int32Array;
  /** Class of each sequence, n, or of each token, n * length, with -1 where there is none. */
  readonly labels: Int32Array;
  /** [n, length]. */
  readonly shape: readonly number[];
}

/** Ids as numbers that go into a model, one array for each set however often it is asked for. */
const idsAsInputs = new WeakMap<Int32Array, Float32Array>();

/** Samples of either kind as training has them; nothing is checked. */
export function asSamples(set: SampleSet | TokenSet): SampleSet {
  if (!((set as Partial<TokenSet> | null)?.tokens instanceof Int32Array)) return set as SampleSet;
  const { tokens, labels, shape } = set as TokenSet;
  let images = idsAsInputs.get(tokens);
  // Exact: ids are far below 2^24.
  if (!images) {
    images = Float32Array.from(tokens);
    idsAsInputs.set(tokens, images);
  }
  return { images, labels, shape };
}

/** Labels of one sample: 1, or one for each token of a sequence. */
export function labelsPerSample({ labels, shape }: Pick<SampleSet, 'labels' | 'shape'>): number {
  return labels.length / shape[0];
}

/** The samples from `start` up to `end`, sharing memory. */
export function sliceSamples(set: SampleSet, start: number, end: number): SampleSet {
  const each = labelsPerSample(set);
  return { ...sliceInputs(set, start, end), labels: set.labels.subarray(start * each, end * each) };
}

export function sliceInputs(
  { images, shape }: Pick<SampleSet, 'images' | 'shape'>,
  start: number,
  end: number,
): Pick<SampleSet, 'images' | 'shape'> {
  const size = images.length / shape[0];
  return { images: images.subarray(start * size, end * size), shape: [end - start, ...shape.slice(1)] };
}

/** Some samples, copied, in that order. */
export function selectSamples(set: SampleSet, rows: Uint32Array): SampleSet {
  const [n, ...shape] = set.shape;
  const { data } = gatherRows({ data: set.images, shape: [n, set.images.length / n] }, rows);
  return { images: data, labels: gatherLabels(set, rows), shape: [rows.length, ...shape] };
}

/** The labels of some samples, in that order. */
export function gatherLabels(set: Pick<SampleSet, 'labels' | 'shape'>, rows: Uint32Array): Int32Array {
  const each = labelsPerSample(set);
  const out = new Int32Array(rows.length * each);
  rows.forEach((row, i) => {
    out.set(set.labels.subarray(row * each, (row + 1) * each), i * each);
  });
  return out;
}

/** Checks lengths; `argument` names the set in the error. */
export function checkSamples(set: SampleSet, argument: string): void {
  if (!(set?.images instanceof Float32Array) || !(set.labels instanceof Int32Array) || !Array.isArray(set.shape)) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${argument} must be { images: Float32Array, labels: Int32Array, shape: number[] }, or the same with tokens: Int32Array`,
    );
  }
  const size = set.shape.reduce((product, extent) => product * extent, 1);
  const perToken = set.shape.length === 2 && set.labels.length === size;
  if (size !== set.images.length || !(perToken || set.labels.length === set.shape[0]) || set.labels.length === 0) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${argument}: shape [${set.shape.join(', ')}] does not fit ${set.images.length} input numbers and ${set.labels.length} labels`,
    );
  }
}

/** A tensor of the samples from `start` up to `end`. */
export function sliceTensor(
  { images, shape }: Pick<SampleSet, 'images' | 'shape'>,
  start: number,
  end: number,
): Tensor {
  const size = images.length / shape[0];
  return tf.tensor(images.subarray(start * size, end * size), [end - start, ...shape.slice(1)]);
}

/** The rows of a matrix at `rows`, in that order. */
export function gatherRows({ data, shape }: Matrix, rows: Uint32Array): Matrix<Float32Array> {
  const width = shape[1];
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    out.set(data.subarray(row * width, (row + 1) * width), i * width);
  });
  return { data: out, shape: [rows.length, width] };
}

/**
 * Mini-batches of one epoch: a Fisher-Yates shuffle of all rows, cut into batches of equal size. The rest that does not
 * fill a batch is dropped, because relational terms depend on the batch size; the shuffle changes which rows those are.
 */
export function epochBatches(rows: number, batchSize: number, seed: number | string, epoch: number): Uint32Array[] {
  const random = seedrandom(`qrkd-shuffle-${seed}-${epoch}`);
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  for (let i = rows - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  return Array.from({ length: Math.floor(rows / batchSize) }, (_, b) =>
    order.subarray(b * batchSize, (b + 1) * batchSize),
  );
}
