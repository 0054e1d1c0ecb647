import { QrkdRangeError } from '../errors.js';

/** Images with one class label each. */
export interface ImageSet {
  /** Pixels, row-major `[n, height, width, channels]`, 0 (background) to 1. */
  readonly images: Float32Array;
  /** Class of each image, 0 to `classes - 1`. */
  readonly labels: Int32Array;
  /** `[n, height, width, channels]`. */
  readonly shape: readonly [number, number, number, number];
  /** Number of classes. */
  readonly classes: number;
}

/** A data set with its fixed split. The test part is for one reading, at the very end. */
export interface ImageData {
  /** Name for reports, for example `mnist`. */
  readonly name: string;
  readonly train: ImageSet;
  readonly test: ImageSet;
  /**
   * Rows of `train` that are set apart wherever something is selected or stopped early: within each class, in file
   * order, the digits whose index mod 5 is 3. They are part of `train`; {@link holdOut} separates them.
   */
  readonly validationRows: Int32Array;
}

/** Every fifth image of a class, counted from 0 in file order, is held out: 4 for test, 3 for validation. */
export const FOLDS = 5;
export const TEST_FOLD = 4;
export const VALIDATION_FOLD = 3;

/**
 * The images at `rows`, copied, in that order.
 * @throws {QrkdRangeError} `ERR_QRKD_VALUE` when a row lies outside the set.
 */
export function selectRows(set: ImageSet, rows: ArrayLike<number>): ImageSet {
  const [n, height, width, channels] = set.shape;
  const size = height * width * channels;
  const images = new Float32Array(rows.length * size);
  const labels = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (!Number.isInteger(row) || row < 0 || row >= n) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `selectRows: rows[${i}] is ${row}; expected an integer in [0, ${n})`);
    }
    images.set(set.images.subarray(row * size, (row + 1) * size), i * size);
    labels[i] = set.labels[row];
  }
  return { images, labels, shape: [rows.length, height, width, channels], classes: set.classes };
}

/** The training part without its validation rows, and the validation rows by themselves. */
export function holdOut(data: ImageData): { train: ImageSet; validation: ImageSet } {
  const held = new Set(data.validationRows);
  const kept: number[] = [];
  for (let row = 0; row < data.train.shape[0]; row++) if (!held.has(row)) kept.push(row);
  return { train: selectRows(data.train, kept), validation: selectRows(data.train, data.validationRows) };
}

/** Rows whose index within their own class, in the order given, is `fold` modulo {@link FOLDS}. */
export function rowsOfFold(labels: ArrayLike<number>, fold: number): Int32Array {
  const seen = new Map<number, number>();
  const rows: number[] = [];
  for (let row = 0; row < labels.length; row++) {
    const index = seen.get(labels[row]) ?? 0;
    seen.set(labels[row], index + 1);
    if (index % FOLDS === fold) rows.push(row);
  }
  return Int32Array.from(rows);
}
