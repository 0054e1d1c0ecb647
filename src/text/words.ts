import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import type { Tokenizer } from './tokenizer.js';

/** Stands for every word outside the vocabulary, as in Penn Treebank's and WikiText-2's own text. */
export const UNKNOWN_WORD = '<unk>';
/** Ends every line. */
export const END_OF_SENTENCE = '<eos>';

/**
 * Whole words of tokenised text, separated by white space; the end of a line is a token of its own, `<eos>`. Penn Treebank's
 * training part has 9,999 different words, `<unk>` among them, which with `<eos>` are its well-known 10,000. A text's ids are
 * as many as its `words` in `qrkd/data`, if its last line is ended.
 */
export class WordTokenizer implements Tokenizer {
  readonly vocabulary: number;
  readonly endToken: number;
  readonly unknownToken: number;
  /** The vocabulary, in the order of ids. */
  readonly words: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  /**
   * @param words every word once, `<unk>` and `<eos>` among them, in the order of their ids.
   * @throws {QrkdTypeError | QrkdRangeError} for what is no such list.
   */
  constructor(words: readonly string[]) {
    if (!Array.isArray(words) || words.some((word) => typeof word !== 'string')) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', 'WordTokenizer: words must be an array of strings');
    }
    this.#ids = new Map(words.map((word, id) => [word, id]));
    const fail = (problem: string): never => {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `WordTokenizer: ${problem}`);
    };
    words.forEach((word, id) => {
      if (word === '' || /\s/.test(word)) fail(`words[${id}] is ${JSON.stringify(word)}; expected no white space`);
      if (this.#ids.get(word) !== id) fail(`words[${id}] is ${JSON.stringify(word)}, which is there twice`);
    });
    this.unknownToken = this.#ids.get(UNKNOWN_WORD) ?? fail(`words has no ${UNKNOWN_WORD}`);
    this.endToken = this.#ids.get(END_OF_SENTENCE) ?? fail(`words has no ${END_OF_SENTENCE}`);
    this.words = [...words];
    this.vocabulary = words.length;
  }

  /**
   * The vocabulary of some texts: `<unk>`, `<eos>`, then their words, the more frequent first, equally frequent ones in the
   * order of their characters' codes.
   *
   * @param options.size most ids, those two included; rarer words become `<unk>`. Default: all words.
   */
  static fromTexts(texts: readonly string[], options: { readonly size?: number } = {}): WordTokenizer {
    rejectUnknownKeys(options, ['size'], 'WordTokenizer.fromTexts');
    const { size = Number.POSITIVE_INFINITY } = options;
    if (!(size >= 3) || (size !== Number.POSITIVE_INFINITY && !Number.isInteger(size))) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `WordTokenizer.fromTexts: size is ${size}; expected an integer of 3 or more`,
      );
    }
    const counts = new Map<string, number>();
    for (const text of texts) {
      for (const word of wordsOf(text)) if (word !== '\n') counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    counts.delete(UNKNOWN_WORD);
    counts.delete(END_OF_SENTENCE);
    const ranked = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([word]) => word);
    return new WordTokenizer([UNKNOWN_WORD, END_OF_SENTENCE, ...ranked].slice(0, size));
  }

  encode(text: string): Int32Array {
    const ids: number[] = [];
    for (const word of wordsOf(text)) {
      ids.push(word === '\n' ? this.endToken : (this.#ids.get(word) ?? this.unknownToken));
    }
    return Int32Array.from(ids);
  }

  /** Words with single spaces, a line for each `<eos>`. */
  decode(ids: ArrayLike<number>): string {
    let text = '';
    for (let i = 0; i < ids.length; i++) {
      const word = this.words[ids[i]];
      if (word === undefined) {
        throw new QrkdRangeError(
          'ERR_QRKD_VALUE',
          `WordTokenizer.decode: ids[${i}] is ${ids[i]}; expected 0 to ${this.vocabulary - 1}`,
        );
      }
      if (ids[i] === this.endToken) text += '\n';
      else text += text === '' || text.endsWith('\n') ? word : ` ${word}`;
    }
    return text;
  }

  /** What the constructor takes, for a file. */
  toJSON(): readonly string[] {
    return this.words;
  }
}

/** Words and line ends of a text, one after the other. */
function* wordsOf(text: string): Generator<string> {
  for (const [word] of text.matchAll(/\n|[^\s]+/g)) yield word;
}
