import { QrkdRangeError } from '../../errors.js';

/** The parts of a corpus, in the order of its files. */
export const PARTS = ['train', 'validation', 'test'] as const;
export type PartName = (typeof PARTS)[number];

/** One part of a corpus. */
export interface TextPart {
  /** What the corpus keeps apart, in its order: articles of Wikipedia, files; Penn Treebank is one document a part. */
  readonly documents: readonly string[];
  /**
   * The denominator of perplexities per word: words of the text as the corpus has it, before any detokenisation, separated by
   * white space, plus one end of sentence, `<eos>`, for each line, empty ones included. So published figures count: 245,569
   * for WikiText-2's test part, 82,430 for Penn Treebank's.
   */
  readonly words: number;
  /** Lines among them: `words - lines` counts words alone. */
  readonly lines: number;
}

/** Running text in three parts. The test part is for one reading, at the very end. */
export interface Corpus {
  /** Name for reports, for example `wikitext2`. */
  readonly name: string;
  readonly train: TextPart;
  readonly validation: TextPart;
  readonly test: TextPart;
  /** Rules by which the text was detokenised, or `none`. */
  readonly detokenized: string;
  /** How the parts came about, for reports. */
  readonly split: string;
}

export interface CorpusOptions {
  /** Undoes the corpus's tokenisation (`don 't` becomes `don't`) by the rules that bear its name; words are counted before. */
  detokenize?: boolean;
}

/** Words and lines of a text, as {@link TextPart} counts them. */
export function countWords(text: string): { words: number; lines: number } {
  let words = 0;
  let lines = 0;
  let inWord = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const space = code <= 32 ? code === 32 || (code >= 9 && code <= 13) : code >= 0x85 && isWideSpace(code);
    if (!space && !inWord) words++;
    inWord = !space;
    if (code === 10) lines++;
  }
  // A last line without its end.
  if (text.length > 0 && text.charCodeAt(text.length - 1) !== 10) lines++;
  return { words: words + lines, lines };
}

/** White space beyond ASCII, as Unicode has it. */
const isWideSpace = (code: number): boolean =>
  code === 0x85 ||
  code === 0xa0 ||
  code === 0x1680 ||
  (code >= 0x2000 && code <= 0x200a) ||
  code === 0x2028 ||
  code === 0x2029 ||
  code === 0x202f ||
  code === 0x205f ||
  code === 0x3000;

/** The total of several texts. */
export function countAll(texts: readonly string[]): { words: number; lines: number } {
  const counts = texts.map(countWords);
  return {
    words: counts.reduce((sum, { words }) => sum + words, 0),
    lines: counts.reduce((sum, { lines }) => sum + lines, 0),
  };
}

/** @throws {QrkdRangeError} `ERR_QRKD_FORMAT` where a part has no word. */
export function checkPart(part: TextPart, name: PartName, where: string): TextPart {
  if (part.words > part.lines) return part;
  throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: the ${name} part has no text`);
}
