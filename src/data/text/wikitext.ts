import { type Corpus, type CorpusOptions, checkPart, countWords, type PartName, type TextPart } from './corpus.js';
import { detokenize } from './detokenize.js';
import { type PartLayout, type PartText, parquetPart, readParts } from './parts.js';

const LAYOUT: PartLayout = {
  what: 'WikiText',
  partOf(name) {
    const match = /^wiki\.(train|valid|test)\.(raw|tokens)$/.exec(name);
    if (!match) return parquetPart(name);
    const part = match[1] === 'valid' ? 'validation' : (match[1] as PartName);
    return { part, kind: `.${match[2]}` };
  },
  inside: ['raw', ''].flatMap((kind) => {
    const name = `wikitext-2${kind && `-${kind}`}`;
    return [name, `${name}-v1`, `${name}-v1.zip`];
  }),
  columns: ['text'],
  // The hub writes an empty row for the plain file's " \n".
  rowText: (row) => (row === '' ? ' \n' : row.endsWith('\n') ? row : `${row}\n`),
  example: { train: 'wiki.train.tokens', validation: 'wiki.valid.tokens', test: 'wiki.test.tokens' },
};

/**
 * WikiText-2, raw or tokenised, as its authors split it: `wiki.train.raw`, `wiki.valid.raw`,
 * `wiki.test.raw` (or `.tokens`) in a folder, plain or gzipped, or in the `.zip` they are published in; or Parquet files as
 * the hub has them, `train-00000-of-00001.parquet` and so on with a column `text`. A document is an article with all its
 * lines, so that the documents of a part, one after the other, are its file. Source: Merity et al. 2016, arXiv:1609.07843.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for what is missing, `ERR_QRKD_FORMAT` for damaged files, naming the file.
 */
export async function loadWikitext(path: string, { detokenize: undo = false }: CorpusOptions = {}): Promise<Corpus> {
  const { parts, kind } = await readParts(path, LAYOUT);
  const part = (name: PartName): TextPart => {
    const { text, where }: PartText = parts[name];
    const articles = splitArticles(text);
    const documents = undo ? articles.map((article) => detokenize(article, 'wikitext')) : articles;
    return checkPart({ documents, ...countWords(text) }, name, where);
  };
  return {
    name: kind === '.raw' ? 'wikitext-raw' : 'wikitext',
    train: part('train'),
    validation: part('validation'),
    test: part('test'),
    detokenized: undo ? 'wikitext' : 'none',
    split: "the authors'",
  };
}

const TITLE = /^ ?= (?!=)(.*[^=\s].*) = ?$/;

/**
 * The articles of a part. An article begins at a line ` = Title = ` between empty lines: a formula may begin with an equals
 * sign as well, but stands inside a paragraph. What comes before the first title belongs to the first article.
 */
function splitArticles(text: string): string[] {
  const lines = text.split('\n');
  const starts: number[] = [];
  let offset = 0;
  lines.forEach((line, i) => {
    const alone = (lines[i - 1] ?? '').trim() === '' && (lines[i + 1] ?? '').trim() === '';
    if (alone && TITLE.test(line)) starts.push(offset);
    offset += line.length + 1;
  });
  if (starts.length === 0) return text === '' ? [] : [text];
  starts[0] = 0;
  return starts.map((start, i) => text.slice(start, starts[i + 1] ?? text.length));
}
