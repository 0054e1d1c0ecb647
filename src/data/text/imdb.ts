import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { QrkdRangeError } from '../../errors.js';
import { containerOf } from '../members.js';
import { type Content, collect, textOf } from './content.js';
import { asTexts, readParquet } from './parquet.js';
import { sortedShards } from './parts.js';
import { alternating, type Reviews, type TextSet, validationOf } from './textSet.js';

const CLASSES = ['neg', 'pos'] as const;
const PARTS = ['train', 'test'] as const;
type Part = (typeof PARTS)[number];

const REVIEW = /(?:^|\/)(train|test)\/(neg|pos)\/([^/]+)\.txt$/;
const PARQUET = /^(train|test)(-\d{5}-of-\d{5})?\.parquet$/;
const ARCHIVES = ['aclImdb_v1.tar.gz', 'aclImdb_v1.tar', 'aclImdb.tar.gz', 'aclImdb.zip', 'plain_text'];

/**
 * IMDB's film reviews, negative (0) or positive (1): the folder `aclImdb` with `train` and `test`, in each `neg` and `pos`
 * with a `.txt` file a review; the archive `aclImdb_v1.tar.gz`; a folder that holds one of the two; or Parquet files as the
 * hub has them, with columns `text` and `label`. Texts are as published, `<br />` included. Within a class reviews are in the
 * order of their numbers; classes alternate. The parts are the authors' (25,000 each); some texts are in both, left so
 * that figures compare with published ones. Source: Maas et al. 2011, ACL.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for what is missing (a folder without `pos` or `neg`), `ERR_QRKD_FORMAT` for
 * damaged files, naming the file.
 */
export async function loadImdb(path: string): Promise<Reviews> {
  if (!existsSync(path)) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: no such file or folder (expected aclImdb or its archive)`);
  }
  const unpacked = [path, join(path, 'aclImdb')].find((folder) => existsSync(join(folder, 'train')));
  const container = unpacked ?? containerOf(path, PARQUET, ARCHIVES);
  const wanted = ({ name, path: inside }: { name: string; path: string }) => REVIEW.test(inside) || PARQUET.test(name);
  // Of the folder only what is wanted is opened: the 50,000 reviews without labels are left alone.
  const files =
    unpacked === undefined
      ? collect(container, wanted)
      : PARTS.flatMap((part) =>
          CLASSES.flatMap((label) => {
            const inside = `${part}/${label}`;
            if (!existsSync(join(unpacked, inside))) throw missing(unpacked, inside);
            return collect(join(unpacked, inside), ({ name }) => name.endsWith('.txt')).map((file) => ({
              ...file,
              path: `${inside}/${file.path}`,
            }));
          }),
        );
  const sets = files.some(({ name }) => PARQUET.test(name))
    ? await fromParquet(files, container)
    : fromFiles(files, container);
  return {
    name: 'imdb',
    ...sets,
    validationRows: validationOf(sets.train),
    classNames: ['negative', 'positive'],
    split: "the authors'",
  };
}

function missing(container: string, inside: string): QrkdRangeError {
  return new QrkdRangeError('ERR_QRKD_FILE', `${join(container, inside)}: has no reviews (a .txt file each)`);
}

function fromFiles(files: readonly Content[], container: string): Record<Part, TextSet> {
  const groups = new Map<string, Content[]>();
  for (const file of files) {
    const [, part, label] = REVIEW.exec(file.path) ?? [];
    const key = `${part}/${label}`;
    const group = groups.get(key);
    if (group) group.push(file);
    else groups.set(key, [file]);
  }
  const set = (part: Part) =>
    alternating(
      CLASSES.map((label) => {
        const group = groups.get(`${part}/${label}`);
        if (!group) throw missing(container, `${part}/${label}`);
        return group.toSorted(byNumber).map(reviewOf);
      }),
    );
  return { train: set('train'), test: set('test') };
}

function reviewOf(file: Content): string {
  const text = textOf(file);
  if (text.trim() !== '') return text;
  throw new QrkdRangeError('ERR_QRKD_FORMAT', `${file.where}: is empty, expected a review`);
}

/** `9_7.txt` comes before `10_2.txt`. */
function byNumber(a: Content, b: Content): number {
  const difference = Number.parseInt(a.name, 10) - Number.parseInt(b.name, 10);
  return difference || (a.name < b.name ? -1 : 1);
}

async function fromParquet(files: readonly Content[], container: string): Promise<Record<Part, TextSet>> {
  const set = async (part: Part): Promise<TextSet> => {
    const own = files.filter(({ name }) => PARQUET.exec(name)?.[1] === part);
    if (own.length === 0) throw new QrkdRangeError('ERR_QRKD_FILE', `${container}: has no ${part} part (.parquet)`);
    const byClass: string[][] = [[], []];
    for (const file of sortedShards(own)) {
      const [texts, labels] = await readParquet(file, [['text'], ['label']]);
      asTexts(texts, file.where).forEach((text, row) => {
        const label = labels[row];
        if (label !== 0 && label !== 1) {
          const found = `row ${row} has label ${String(label)}`;
          throw new QrkdRangeError('ERR_QRKD_FORMAT', `${file.where}: ${found}, expected 0 (negative) or 1 (positive)`);
        }
        if (text.trim() === '') {
          throw new QrkdRangeError('ERR_QRKD_FORMAT', `${file.where}: row ${row} is empty, expected a review`);
        }
        byClass[label].push(text);
      });
    }
    CLASSES.forEach((label, i) => {
      if (byClass[i].length === 0) throw missing(container, `${part}/${label}`);
    });
    return alternating(byClass);
  };
  return { train: await set('train'), test: await set('test') };
}
