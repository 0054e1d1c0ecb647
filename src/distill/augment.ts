import { describe, QrkdTypeError } from '../errors.js';
import type { SampleSet } from './samples.js';

/** Where in a run a batch is trained on. */
export interface BatchPlace {
  /** From 1. */
  epoch: number;
  /** From 1, counted over all epochs. */
  step: number;
  /** Rows of the training set that the batch is made of. */
  rows: Uint32Array;
}

export interface Augment {
  /**
   * Changes the images of a batch before it is trained on: in place, or by returning others of the same length.
   *
   * @param images a copy of the batch's images, row-major.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that changes its argument returns nothing
  (images: Float32Array, place: BatchPlace): Float32Array | void;
  /** What it does, where it can tell: a checkpoint is not taken up by a run with another one. */
  toJSON?(): unknown;
}

/** The images of a batch, augmented. */
export function augmentBatch(
  { images, shape }: SampleSet,
  place: BatchPlace,
  augment: Augment | undefined,
  where: string,
): Pick<SampleSet, 'images' | 'shape'> {
  const size = images.length / shape[0];
  const batch = new Float32Array(place.rows.length * size);
  place.rows.forEach((row, i) => {
    batch.set(images.subarray(row * size, (row + 1) * size), i * size);
  });
  const augmented = augment?.(batch, place) ?? batch;
  if (!(augmented instanceof Float32Array) || augmented.length !== batch.length) {
    const got = augmented instanceof Float32Array ? `one of ${augmented.length}` : describe(augmented);
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: augment must return nothing or a Float32Array of ${batch.length} numbers, got ${got}`,
    );
  }
  return { images: augmented, shape: [place.rows.length, ...shape.slice(1)] };
}
