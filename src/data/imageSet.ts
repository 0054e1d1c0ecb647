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
   * order, the images whose index mod 5 is 3. They are part of `train`; {@link holdOut} separates them.
   */
  readonly validationRows: Int32Array;
  /** What the classes are called, where that is known. */
  readonly classNames?: readonly string[];
}

/** Every fifth image of a class, counted from 0 in file order, is held out: 4 for test, 3 for validation. */
export const FOLDS = 5;
export const TEST_FOLD = 4;
export const VALIDATION_FOLD = 3;

/** Pixels are byte / 255. */
export const BYTE_TO_PIXEL = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

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

/**
 * The fixed split of a set that comes in one part: within each class, in the order given, every fifth image (index mod 5 = 4)
 * is test, and the one before it (index mod 5 = 3) validation.
 */
export function splitByClass(set: ImageSet): Pick<ImageData, 'train' | 'test' | 'validationRows'> {
  const isTest = new Set(rowsOfFold(set.labels, TEST_FOLD));
  const isValidation = new Set(rowsOfFold(set.labels, VALIDATION_FOLD));
  const train = Array.from(set.labels.keys()).filter((row) => !isTest.has(row));
  return {
    train: selectRows(set, train),
    test: selectRows(set, [...isTest]),
    validationRows: Int32Array.from(train.keys()).filter((index) => isValidation.has(train[index])),
  };
}

/** The first of each class, then the second of each, and so on: any first part of the list has them all. */
export function alternateClasses(counts: readonly number[]): { label: number; index: number }[] {
  const entries: { label: number; index: number }[] = [];
  for (let index = 0; index < Math.max(...counts); index++) {
    for (let label = 0; label < counts.length; label++) if (index < counts[label]) entries.push({ label, index });
  }
  return entries;
}

/**
 * Refuses labels outside `[0, classes)`.
 * @param first what class 0 is in the file, for the message.
 */
export function checkLabels(labels: ArrayLike<number>, classes: number, where: string, first = 0): void {
  for (let row = 0; row < labels.length; row++) {
    if (labels[row] >= 0 && labels[row] < classes) continue;
    const found = `label ${labels[row] + first} at index ${row}`;
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: ${found}, expected ${first} to ${classes - 1 + first}`);
  }
}

/**
 * One more than the largest training label. A class without an image would be a label that is wrong, so each must occur.
 * @throws {QrkdRangeError} `ERR_QRKD_FORMAT` naming the label and the class that is missing.
 */
export function countClasses(labels: Int32Array, where: string): number {
  const seen = new Set(labels);
  const last = labels.reduce((a, b) => Math.max(a, b));
  for (let label = 0; label < last; label++) {
    if (seen.has(label)) continue;
    const found = `label ${last} at index ${labels.indexOf(last)}, but no image of class ${label}`;
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: ${found}; expected labels from 0 on, each at least once`);
  }
  return last + 1;
}
