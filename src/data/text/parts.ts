import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { QrkdRangeError } from '../../errors.js';
import { containerOf } from '../members.js';
import { type Content, collect, textOf } from './content.js';
import { PARTS, type PartName } from './corpus.js';
import { asTexts, readParquet } from './parquet.js';

/** A file of a corpus whose publisher split it. */
export interface PartFile {
  part: PartName;
  /** Files of one kind belong together; a container with two kinds is ambiguous. */
  kind: string;
}

export interface PartLayout {
  /** What the files are, for messages. */
  what: string;
  /** The part that a file name stands for; undefined for other files. */
  partOf(name: string): PartFile | undefined;
  /** Folders and archives as they are downloaded or unpacked. */
  inside: readonly string[];
  /** Names of the column of text in Parquet files. */
  columns: readonly string[];
  /** Text of a Parquet row as it stands in the plain file. */
  rowText(row: string): string;
  /** A name of each file, for messages. */
  example: Readonly<Record<PartName, string>>;
}

export interface PartText {
  text: string;
  where: string;
}

const SHARD = /-(\d{5})-of-(\d{5})\.parquet$/;

/** The part of a Parquet file as the hub names them: `train-00000-of-00001.parquet`. */
export function parquetPart(name: string): PartFile | undefined {
  const match = /^(train|validation|test)(-\d{5}-of-\d{5})?\.parquet$/.exec(name);
  return match ? { part: match[1] as PartName, kind: '.parquet' } : undefined;
}

/**
 * The three parts of a corpus that its publisher split: from a folder, an archive, or a folder with one of these inside.
 *
 * @returns the texts of the parts and the kind of files they came from.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` for a part that is missing, `ERR_QRKD_FORMAT` for damaged or ambiguous files.
 */
export async function readParts(
  path: string,
  layout: PartLayout,
): Promise<{ parts: Record<PartName, PartText>; kind: string }> {
  if (!existsSync(path)) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: no such file or folder (expected ${layout.what})`);
  }
  const container = containerOf(path, { test: (name) => layout.partOf(name) !== undefined }, layout.inside);
  const files = collect(container, ({ name }) => layout.partOf(name) !== undefined);
  const kinds = [...new Set(files.map(({ name }) => layout.partOf(name)?.kind ?? ''))];
  if (kinds.length > 1) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${container}: has files of two kinds (${kinds.join(', ')}); keep one`);
  }
  const read = async (part: PartName): Promise<PartText> => {
    const own = files.filter(({ name }) => layout.partOf(name)?.part === part);
    if (own.length === 0) {
      const why = `no such file, plain or .gz (${layout.what} needs a ${part} part)`;
      throw new QrkdRangeError('ERR_QRKD_FILE', `${join(container, layout.example[part])}: ${why}`);
    }
    return { text: await textOfPart(own, layout), where: own[0].where };
  };
  const parts = {} as Record<PartName, PartText>;
  for (const part of PARTS) parts[part] = await read(part);
  return { parts, kind: kinds[0] };
}

async function textOfPart(files: Content[], { columns, rowText }: PartLayout): Promise<string> {
  // Plain and gzipped side by side: the plain one came first.
  if (!files[0].name.endsWith('.parquet')) return textOf(files[0]);
  let text = '';
  for (const file of sortedShards(files)) {
    const [rows] = await readParquet(file, [columns]);
    text += asTexts(rows, file.where).map(rowText).join('');
  }
  return text;
}

/** The shards of one part in their order, all of them. */
export function sortedShards(files: readonly Content[]): Content[] {
  // Plain and gzipped side by side: the plain one came first.
  const shards = files
    .filter(({ name }, i) => files.findIndex((file) => file.name === name) === i)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const total = Number(SHARD.exec(shards[0].name)?.[2] ?? 1);
  const complete = shards.every(({ name }, i) => shards.length === 1 || Number(SHARD.exec(name)?.[1]) === i);
  if (shards.length === total && complete) return shards;
  const found = shards.map(({ name }) => name).join(', ');
  throw new QrkdRangeError('ERR_QRKD_FILE', `${shards[0].where}: one of ${total} shards, but there are ${found}`);
}
