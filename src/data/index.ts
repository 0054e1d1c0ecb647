/**
 * Real data with fixed splits, loaded without TensorFlow.
 * @module qrkd/data
 */
import { QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { type Cifar100Options, loadCifar10, loadCifar100 } from './cifar.js';
import { type IdxOptions, loadIdx } from './idx.js';
import { type ImageFolderOptions, loadImages } from './imageFolder.js';
import type { ImageData } from './imageSet.js';
import { loadNamed } from './locate.js';
import { loadMnistDigits } from './mnistDigits.js';
import { loadNpy } from './npyArrays.js';

export { type AugmentationOptions, augmentation } from './augmentation.js';
export { type Cifar100Options, loadCifar10, loadCifar100 } from './cifar.js';
export { EMNIST_SPLITS, type EmnistSplit, type IdxOptions, loadIdx } from './idx.js';
export { type ImageFolderOptions, loadImages } from './imageFolder.js';
export { holdOut, type ImageData, type ImageSet, selectRows } from './imageSet.js';
export { dataFolder, isSetName, modelFolder } from './locate.js';
export { loadMnistDigits } from './mnistDigits.js';
export { loadNpy } from './npyArrays.js';
export { SOURCES, type Source, type SourceFile } from './sources.js';
export { type BrownOptions, loadBrown } from './text/brown.js';
export { type Corpus, type CorpusOptions, countWords, type PartName, type TextPart } from './text/corpus.js';
export { type DetokenizationName, detokenize } from './text/detokenize.js';
export { loadImdb } from './text/imdb.js';
export { type CorpusSource, loadCorpus, loadReviews, type ReviewSource } from './text/index.js';
export { loadText, type PlainTextOptions } from './text/plainText.js';
export { loadPtb } from './text/ptb.js';
export { loadSpamAssassin } from './text/spamAssassin.js';
export { holdOutTexts, type Reviews, selectTexts, type TextSet } from './text/textSet.js';
export { loadWikitext } from './text/wikitext.js';

/**
 * What configs say under `data`: `'mnist'` for the digits that install with the package, another name for a set that
 * `qrkd data fetch` brings ({@link SOURCES}), or where files of one's own are.
 */
export type DataSource =
  | string
  | ({ readonly idx: string } & Pick<IdxOptions, 'split'>)
  | { readonly cifar10: string }
  | ({ readonly cifar100: string } & Cifar100Options)
  | ({ readonly images: string } & ImageFolderOptions)
  | { readonly npy: string };

type Forms = Record<string, { options: readonly string[]; load: (path: string, options: object) => ImageData }>;

const FORMS: Forms = {
  idx: { options: ['split'], load: loadIdx },
  cifar10: { options: [], load: loadCifar10 },
  cifar100: { options: ['labels'], load: loadCifar100 },
  images: { options: ['size'], load: loadImages },
  npy: { options: [], load: loadNpy },
};

/**
 * The data set that a config names.
 * @throws {QrkdTypeError} `ERR_QRKD_TYPE` for anything but the forms of {@link DataSource}; what the loaders throw.
 */
export function loadData(source: DataSource): ImageData {
  if (source === 'mnist') return loadMnistDigits();
  if (typeof source === 'string') return loadNamed(source);
  const given = Object(source) as Record<string, unknown>;
  const form = Object.keys(FORMS).find((key) => typeof given[key] === 'string');
  if (form === undefined) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `data is ${JSON.stringify(source)}; expected a name, such as "mnist", or { idx: FOLDER } (or ${Object.keys(FORMS).slice(1).join(', ')})`,
    );
  }
  const { options, load } = FORMS[form];
  rejectUnknownKeys(source, [form, ...options], 'data');
  const { [form]: path, ...rest } = given;
  return load(path as string, rest);
}
