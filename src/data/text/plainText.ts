import { basename, resolve } from 'node:path';
import { QrkdRangeError, suggest } from '../../errors.js';
import { FOLDS, TEST_FOLD, VALIDATION_FOLD } from '../imageSet.js';
import { type Content, collectAny, textOf } from './content.js';
import { type Corpus, checkPart, countAll, PARTS, type PartName } from './corpus.js';

export interface PlainTextOptions {
  /**
   * Where no files are named for the parts: every fifth file (`files`), or the last tenths of each file (`share`). Default:
   * `files` from five files on.
   */
  heldOut?: 'files' | 'share';
}

const HELD_OUT = ['files', 'share'] as const;
/** A part's name as the file's own, or that of the folder that it is in. */
const NAMED = /(?:^|[/._-])(train|valid|validation|dev|test)(?=[/._-])/i;
const PART_OF_WORD: Record<string, PartName> = {
  train: 'train',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
};
/** Training and validation end at these shares of a file. */
const SHARES = [0.8, 0.9] as const;

/**
 * Text of one's own in UTF-8: a file, several, or all `.txt` files (plain or gzipped) of a folder, with the folders in it, or
 * of an archive (`.zip`, `.tar`, `.tar.gz`). A document is a file, in the order of paths. Parts:
 *
 * - Files named for them (`train.txt`, `my.valid.txt` or `dev`, `test/a.txt`), if all three are there;
 * - else by file: index mod 5 = 4 is test, 3 is validation;
 * - else, of fewer than five files, the first 80 % of each are training, the next 10 % validation, the last 10 % test, cut
 *   at the end of the line in which a share ends (of the word, where lines are longer than the share).
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for what is missing, `ERR_QRKD_FORMAT` for files without text or not in UTF-8.
 */
export function loadText(paths: string | readonly string[], { heldOut }: PlainTextOptions = {}): Corpus {
  const all = typeof paths === 'string' ? [paths] : paths;
  if (heldOut !== undefined && !HELD_OUT.includes(heldOut)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `heldOut is ${JSON.stringify(heldOut)}${suggest(String(heldOut), HELD_OUT)}`,
    );
  }
  if (all.length === 0) throw new QrkdRangeError('ERR_QRKD_VALUE', 'text names no file; expected at least one');
  const where = all.join(', ');
  const files = withoutTwins(all.flatMap((path) => collectAny(path, ({ name }) => /\.txt$/i.test(name))));
  if (files.length === 0) throw new QrkdRangeError('ERR_QRKD_FILE', `${where}: has no .txt file, plain or .gz`);
  const { texts, split } = divide(files, where, heldOut);
  const part = (name: PartName) =>
    checkPart({ documents: texts[name], ...countAll(texts[name]) }, name, `${where} (split ${split})`);
  return {
    name: basename(resolve(all[0])).replace(/\.(txt|zip|tar|tgz|gz)+$/i, ''),
    train: part('train'),
    validation: part('validation'),
    test: part('test'),
    detokenized: 'none',
    split,
  };
}

/** Plain and gzipped side by side: the plain one came first. */
function withoutTwins(files: readonly Content[]): Content[] {
  const seen = new Set<string>();
  return files.filter(({ where }) => {
    const plain = where.replace(/\.gz$/, '');
    return !seen.has(plain) && seen.add(plain);
  });
}

type Texts = Record<PartName, string[]>;

function divide(
  files: readonly Content[],
  where: string,
  heldOut: PlainTextOptions['heldOut'],
): { texts: Texts; split: string } {
  const texts: Texts = { train: [], validation: [], test: [] };
  const named = files.map(({ path }) => PART_OF_WORD[NAMED.exec(`${path}.`)?.[1].toLowerCase() ?? '']);
  const parts = PARTS.filter((part) => named.includes(part));
  if (heldOut === undefined && parts.length > 1) {
    const missing = PARTS.filter((part) => !parts.includes(part));
    if (missing.length > 0 || named.includes(undefined as never)) {
      const problem =
        missing.length > 0 ? `none for ${missing[0]}` : `${files[named.indexOf(undefined as never)].path} for none`;
      throw new QrkdRangeError(
        'ERR_QRKD_FILE',
        `${where}: has files named for ${parts.join(' and ')} but ${problem}; add it, or say how to split with heldOut`,
      );
    }
    files.forEach((file, i) => void texts[named[i]].push(textOf(file)));
    return { texts, split: 'by the names of files' };
  }
  if ((heldOut ?? (files.length >= FOLDS ? 'files' : 'share')) === 'files') {
    if (files.length < FOLDS) {
      const found = `has ${files.length} files, heldOut "files" needs ${FOLDS}`;
      throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: ${found}; use heldOut "share"`);
    }
    files.forEach((file, i) => {
      const fold = i % FOLDS;
      texts[fold === TEST_FOLD ? 'test' : fold === VALIDATION_FOLD ? 'validation' : 'train'].push(textOf(file));
    });
    return { texts, split: 'by file: index mod 5 = 4 is test, 3 is validation' };
  }
  for (const file of files) {
    const text = textOf(file);
    const first = cut(text, Math.floor(SHARES[0] * text.length), 0);
    const second = cut(text, Math.max(first + 1, Math.floor(SHARES[1] * text.length)), first);
    const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
    // A short file may give nothing to a part.
    PARTS.forEach((part, i) => {
      if (pieces[i] !== '') texts[part].push(pieces[i]);
    });
  }
  return { texts, split: 'by share: of each file 80 % are training, 10 % validation, 10 % test' };
}

/** The place after the line that holds `at`; else, in the last line, before it; else after the word. Behind `from`. */
function cut(text: string, at: number, from: number): number {
  const next = text.indexOf('\n', Math.max(0, at - 1)) + 1;
  if (next > 0 && next < text.length) return next;
  const previous = text.lastIndexOf('\n', at - 1) + 1;
  if (previous > from) return previous;
  const rest = text.slice(at).search(/\s/);
  return rest < 0 ? text.length : at + rest + 1;
}
