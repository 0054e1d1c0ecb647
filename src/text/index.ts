/**
 * From text to tokens, and what a language model makes of them; loads without TensorFlow.
 * @module qrkd/text
 */
export {
  type ClassificationOptions,
  classificationRows,
  joinDocuments,
  type LabelledTokens,
  languageBlocks,
  type TokenSet,
} from './blocks.js';
export { type Bpe, bpeTokenizer, loadTokenizer, readBpe } from './bpe.js';
export type { GenerateOptions } from './generation.js';
export {
  type LanguageModel,
  type Logits,
  type Perplexity,
  type PerplexityOptions,
  perplexity,
} from './perplexity.js';
export type { Tokenizer } from './tokenizer.js';
export { saveBpe, type TrainBpeOptions, trainBpe } from './trainBpe.js';
export { END_OF_SENTENCE, UNKNOWN_WORD, WordTokenizer } from './words.js';
