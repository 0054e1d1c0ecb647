import { QrkdRangeError } from '../../errors.js';
import { alternateClasses, rowsOfFold, VALIDATION_FOLD } from '../imageSet.js';

/** Texts with one class label each. */
export interface TextSet {
  readonly texts: readonly string[];
  /** Class of each text, 0 to `classes - 1`. */
  readonly labels: Int32Array;
  readonly classes: number;
}

/** Labelled texts with their fixed split. The test part is for one reading, at the very end. */
export interface Reviews {
  /** Name for reports, for example `imdb`. */
  readonly name: string;
  readonly train: TextSet;
  readonly test: TextSet;
  /**
   * Rows of `train` that are set apart wherever something is selected or stopped early: within each class, in order, the
   * texts whose index mod 5 is 3. They are part of `train`; {@link holdOutTexts} separates them.
   */
  readonly validationRows: Int32Array;
  readonly classNames: readonly string[];
  /** How the parts came about, and what was left out, for reports. */
  readonly split: string;
}

/** The texts at `rows`, in that order. */
export function selectTexts({ texts, labels, classes }: TextSet, rows: ArrayLike<number>): TextSet {
  const chosen = Array.from(rows, (row, i) => {
    if (Number.isInteger(row) && row >= 0 && row < texts.length) return row;
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `selectTexts: rows[${i}] is ${row}; expected an integer in [0, ${texts.length})`,
    );
  });
  return { texts: chosen.map((row) => texts[row]), labels: Int32Array.from(chosen, (row) => labels[row]), classes };
}

/** The training part without its validation rows, and the validation rows by themselves. */
export function holdOutTexts({ train, validationRows }: Reviews): { train: TextSet; validation: TextSet } {
  const held = new Set(validationRows);
  const kept = Array.from(train.texts.keys()).filter((row) => !held.has(row));
  return { train: selectTexts(train, kept), validation: selectTexts(train, validationRows) };
}

/** A set in which the classes alternate (the first text of each, the second of each, ...), from the texts of each class. */
export function alternating(byClass: readonly (readonly string[])[]): TextSet {
  const entries = alternateClasses(byClass.map((texts) => texts.length));
  return {
    texts: entries.map(({ label, index }) => byClass[label][index]),
    labels: Int32Array.from(entries, ({ label }) => label),
    classes: byClass.length,
  };
}

/** Rows of a training part that are for validation. */
export const validationOf = (train: TextSet): Int32Array => rowsOfFold(train.labels, VALIDATION_FOLD);
