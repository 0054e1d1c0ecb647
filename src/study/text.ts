import { type CorpusSource, holdOutTexts, loadCorpus, loadReviews, type ReviewSource } from '../data/index.js';
import { isTextName } from '../data/locate.js';
import { asSamples, type TokenSet } from '../distill/samples.js';
import { classificationRows, joinDocuments, languageBlocks } from '../text/blocks.js';
import { bpeTokenizer, loadTokenizer } from '../text/bpe.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { trainBpe } from '../text/trainBpe.js';
import { WordTokenizer } from '../text/words.js';
import type { StudyConfig } from './config.js';
import type { Parts, StudySet } from './parts.js';

/** How a study reads text. */
export type TextConfig = NonNullable<StudyConfig['text']>;

/** What perplexities and models need to know of text that became tokens. */
export interface TextFacts {
  readonly tokenizer: Tokenizer;
  /** Fills up the sequences of classification; language modelling has none to fill. */
  readonly padToken: number | null;
  /** Words of the test part, for perplexities per word. */
  readonly testWords?: number;
}

const TEXT_FORMS = ['text', 'wikitext', 'ptb', 'brown', 'imdb', 'spamAssassin'];

/** Whether a configuration's data are text. */
export function isTextSource(data: StudyConfig['data']): boolean {
  return typeof data === 'string' ? isTextName(data) : TEXT_FORMS.some((form) => form in data);
}

/** Reads the text that a configuration names, and makes tokens of it. */
export async function loadTextParts(data: StudyConfig['data'], text: TextConfig): Promise<Parts> {
  return text.task === 'language'
    ? languageParts(await loadCorpus(data as CorpusSource, { detokenize: text.detokenize }), text)
    : classificationParts(await loadReviews(data as ReviewSource), text);
}

type Corpus = Awaited<ReturnType<typeof loadCorpus>>;
type Reviews = Awaited<ReturnType<typeof loadReviews>>;

function languageParts(corpus: Corpus, text: TextConfig): Parts {
  const tokenizer = makeTokenizer(corpus.train.documents, text);
  const { length, stride = length } = text;
  const set = (tokens: TokenSet): StudySet => ({ ...asSamples(tokens), classes: tokenizer.vocabulary });
  const ids = (part: 'train' | 'validation' | 'test') => joinDocuments(corpus[part].documents, tokenizer);
  return {
    train: set(languageBlocks(ids('train'), { length })),
    validation: set(slidingBlocks(ids('validation'), { length, stride })),
    test: set(slidingBlocks(ids('test'), { length, stride })),
    text: { tokenizer, padToken: null, testWords: corpus.test.words },
  };
}

function classificationParts(reviews: Reviews, text: TextConfig): Parts {
  const { train, validation } = holdOutTexts(reviews);
  const tokenizer = makeTokenizer(train.texts, text);
  const { padToken = tokenizer.endToken } = tokenizer;
  const set = (texts: typeof train): StudySet => ({
    ...asSamples(classificationRows(texts, tokenizer, { length: text.length, padToken })),
    classes: texts.classes,
  });
  return {
    train: set(train),
    validation: set(validation),
    test: set(reviews.test),
    text: { tokenizer, padToken },
  };
}

/** The tokenizer that a configuration names, made from the training part where it is not one of a model's. */
function makeTokenizer(texts: readonly string[], { tokenizer, vocabulary }: TextConfig): Tokenizer {
  if (tokenizer === 'words') return WordTokenizer.fromTexts(texts, { size: vocabulary });
  if (tokenizer === 'bpe') return bpeTokenizer(trainBpe(texts, { vocabulary }));
  return loadTokenizer(tokenizer.gpt2);
}

/**
 * Windows of `length` tokens, one every `stride`; what an earlier window has predicted is context, with labels that do not count.
 * Every token but the first is predicted once, those of later windows from at least `length - stride` tokens.
 */
export function slidingBlocks(ids: Int32Array, { length, stride }: { length: number; stride: number }): TokenSet {
  if (stride >= length) return languageBlocks(ids, { length });
  const n = 1 + Math.max(0, Math.ceil((ids.length - 1 - length) / stride));
  const tokens = new Int32Array(n * length);
  const labels = new Int32Array(n * length).fill(-1);
  for (let window = 0; window < n; window++) {
    const begin = window * stride;
    const size = Math.min(length, ids.length - 1 - begin);
    tokens.set(ids.subarray(begin, begin + size), window * length);
    const first = window === 0 ? 0 : length - stride;
    labels.set(ids.subarray(begin + first + 1, begin + size + 1), window * length + first);
  }
  return { tokens, labels, shape: [n, length] };
}
