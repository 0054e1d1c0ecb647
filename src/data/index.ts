/**
 * Real data with fixed splits, loaded without TensorFlow.
 * @module qrkd/data
 */
import { QrkdTypeError } from '../errors.js';
import { loadIdx } from './idx.js';
import type { ImageData } from './imageSet.js';
import { loadMnistDigits } from './mnistDigits.js';

export { loadIdx } from './idx.js';
export { holdOut, type ImageData, type ImageSet, selectRows } from './imageSet.js';
export { loadMnistDigits } from './mnistDigits.js';

/** What configs say under `data`: `'mnist'` for the digits that install with the package, or a folder of IDX files. */
export type DataSource = 'mnist' | { readonly idx: string };

/**
 * The data set that a config names.
 * @throws {QrkdTypeError} `ERR_QRKD_TYPE` for anything but the two forms of {@link DataSource}.
 */
export function loadData(source: DataSource): ImageData {
  if (source === 'mnist') return loadMnistDigits();
  if (typeof source === 'object' && source !== null && typeof source.idx === 'string') return loadIdx(source.idx);
  throw new QrkdTypeError(
    'ERR_QRKD_TYPE',
    `data is ${JSON.stringify(source)}; expected "mnist" or { idx: FOLDER } with MNIST's four files`,
  );
}
