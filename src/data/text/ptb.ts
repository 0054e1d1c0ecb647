import { type Corpus, type CorpusOptions, checkPart, countWords, type PartName, type TextPart } from './corpus.js';
import { detokenize } from './detokenize.js';
import { type PartLayout, parquetPart, readParts } from './parts.js';

const LAYOUT: PartLayout = {
  what: 'Penn Treebank',
  partOf(name) {
    const match = /^ptb\.(train|valid|test)\.txt$/.exec(name);
    if (!match) return parquetPart(name);
    return { part: match[1] === 'valid' ? 'validation' : (match[1] as PartName), kind: '.txt' };
  },
  inside: ['data', 'simple-examples/data', 'simple-examples.tgz'],
  columns: ['sentence', 'text'],
  rowText: (row) => ` ${row.trim()} \n`,
  example: { train: 'ptb.train.txt', validation: 'ptb.valid.txt', test: 'ptb.test.txt' },
};

/**
 * Penn Treebank as Mikolov prepared it: `ptb.train.txt`, `ptb.valid.txt`, `ptb.test.txt` in a folder, plain or gzipped, or
 * Parquet files with a column `sentence`. One sentence a line, lower case, numbers are `N`, words outside the 10,000 are
 * `<unk>`. The sentences run on, so each part is one document. Source: Mikolov et al. 2010, Interspeech.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for what is missing, `ERR_QRKD_FORMAT` for damaged files, naming the file.
 */
export async function loadPtb(path: string, { detokenize: undo = false }: CorpusOptions = {}): Promise<Corpus> {
  const { parts } = await readParts(path, LAYOUT);
  const part = (name: PartName): TextPart => {
    const { text, where } = parts[name];
    return checkPart({ documents: [undo ? detokenize(text, 'ptb') : text], ...countWords(text) }, name, where);
  };
  return {
    name: 'ptb',
    train: part('train'),
    validation: part('validation'),
    test: part('test'),
    detokenized: undo ? 'ptb' : 'none',
    split: "Mikolov's",
  };
}
