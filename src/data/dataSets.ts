import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { excerpt, QrkdRangeError } from '../errors.js';
import type { ImageData } from './imageSet.js';
import type { Corpus, CorpusOptions } from './text/corpus.js';
import type { Reviews } from './text/textSet.js';

/** What a published set is, and how it is opened in the folder with its files. */
export interface DataSets {
  images: { kind: 'images'; load: (folder: string) => ImageData };
  corpus: { kind: 'corpus'; load: (folder: string, options?: CorpusOptions) => Promise<Corpus> };
  reviews: { kind: 'reviews'; load: (folder: string) => Promise<Reviews> };
  model: { kind: 'model'; load: (folder: string) => ModelFiles };
}
export type DataSetKind = keyof DataSets;
export type DataSet = DataSets[DataSetKind];

/** A pretrained model's folder, opened by `qrkd/models`. */
export interface ModelFiles {
  folder: string;
  /** `config.json`, as it is. */
  config: Readonly<Record<string, unknown>>;
}

export const images = (load: DataSets['images']['load']): DataSet => ({ kind: 'images', load });
export const corpus = (load: DataSets['corpus']['load']): DataSet => ({ kind: 'corpus', load });
export const reviews = (load: DataSets['reviews']['load']): DataSet => ({ kind: 'reviews', load });

/** A model in the hub's files; its weights are read by whoever builds it. */
export const model: DataSet = {
  kind: 'model',
  load(folder) {
    const path = join(folder, 'config.json');
    try {
      return { folder, config: JSON.parse(readFileSync(path, 'utf8')) as ModelFiles['config'] };
    } catch (error) {
      const why = excerpt((error as Error).message, 80);
      throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: is not readable as JSON (${why})`);
    }
  },
};

/** What there is in a set, in one line. @throws what its loader throws. */
export async function describeSet(set: DataSet, folder: string): Promise<string> {
  switch (set.kind) {
    case 'images': {
      const { train, test } = set.load(folder);
      return `${train.shape[0]} training and ${test.shape[0]} test images, ${train.shape.slice(1).join('x')}, ${train.classes} classes`;
    }
    case 'corpus': {
      const { train, validation, test } = await set.load(folder);
      return `${train.words} training, ${validation.words} validation and ${test.words} test words, an end of sentence a line included`;
    }
    case 'reviews': {
      const { train, test, classNames } = await set.load(folder);
      return `${train.texts.length} training and ${test.texts.length} test texts, ${classNames.join(' or ')}`;
    }
    case 'model': {
      const { model_type, n_layer, n_embd, vocab_size } = set.load(folder).config;
      return excerpt(`${model_type}, ${n_layer} layers, ${n_embd} wide, vocabulary ${vocab_size}`, 200);
    }
  }
}
