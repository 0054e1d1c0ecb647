import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';
import { QrkdRangeError, suggest } from '../errors.js';
import type { DataSet, DataSetKind, DataSets } from './dataSets.js';
import type { ImageData } from './imageSet.js';
import { SETS, SOURCES, type Source } from './sources.js';

/**
 * The folder of downloaded data, with a folder for each source: `QRKD_DATA`, else `data` in qrkd's cache folder, where the
 * platform wants that (`$XDG_CACHE_HOME` or `~/.cache` on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows).
 */
export function dataFolder(): string {
  const { QRKD_DATA: own } = process.env;
  return own ? resolve(own) : join(envPaths('qrkd', { suffix: '' }).cache, 'data');
}

/** Where a source's files are put by `qrkd data fetch`. */
export const folderOf = (source: string): string => join(dataFolder(), source);

/** Files of a source that a folder does not have in their full size. */
export function missingFiles({ files }: Source, folder: string, anySize = false): string[] {
  return files
    .filter(({ name, bytes }) => {
      const size = statSync(join(folder, name), { throwIfNoEntry: false })?.size;
      return size === undefined || (!anySize && bytes !== undefined && size !== bytes);
    })
    .map(({ name }) => name);
}

/** The first folder that has all files of a source, and whether an operating system's package put them there. */
export function locate(source: string): { folder: string; installed: boolean } | undefined {
  const known = SOURCES[source];
  if (missingFiles(known, folderOf(source)).length === 0) return { folder: folderOf(source), installed: false };
  const folder = known.installed?.find((candidate) => missingFiles(known, candidate, true).length === 0);
  return folder === undefined ? undefined : { folder, installed: true };
}

/** Whether configurations can name a set so; anything else may be a path. */
export const isSetName = (name: string): boolean => name === 'mnist' || SETS.has(name);

const setOf = (name: string): DataSet | undefined => SOURCES[SETS.get(name) ?? '']?.sets[name];

/** Whether a set is text, running or with labels. */
export function isTextName(name: string): boolean {
  const kind = setOf(name)?.kind;
  return name === 'brown' || kind === 'corpus' || kind === 'reviews';
}

/** What each kind is called where another was expected. */
const KINDS: Record<DataSetKind, string> = {
  images: 'images',
  corpus: 'a corpus of text',
  reviews: 'texts with labels',
  model: 'a pretrained model',
};

/**
 * A set by the name that configurations give it, out of the folder of downloaded data or from where an operating system's
 * package put it.
 *
 * @param more names of this kind that need no source, for the message.
 * @throws {QrkdRangeError} `ERR_QRKD_VALUE` for an unknown name or a set of another kind, `ERR_QRKD_FILE` for data that are
 * not there, with the command that fetches them.
 */
export function locateSet<K extends DataSetKind>(
  name: string,
  kind: K,
  ...more: string[]
): { folder: string; set: DataSets[K] } {
  const set = setOf(name);
  if (set === undefined || set.kind !== kind) {
    const known = [...more, ...[...SETS.keys()].filter((one) => setOf(one)?.kind === kind)];
    const why = set === undefined ? '' : `, which is ${KINDS[set.kind]}; expected ${KINDS[kind]}`;
    throw new QrkdRangeError('ERR_QRKD_VALUE', `data is "${name}"${why}${suggest(name, known)}`);
  }
  const source = SETS.get(name) as string;
  const found = locate(source);
  if (!found) {
    const looked = [folderOf(source), ...(SOURCES[source].installed ?? [])].join(' and ');
    throw new QrkdRangeError(
      'ERR_QRKD_FILE',
      `data "${name}" is not there (looked in ${looked}); run: qrkd data fetch ${source}`,
    );
  }
  return { folder: found.folder, set: set as DataSets[K] };
}

/**
 * Images by the name that configurations give them.
 *
 * @throws {QrkdRangeError} as {@link locateSet} does.
 */
export function loadNamed(name: string): ImageData {
  const { folder, set } = locateSet(name, 'images', 'mnist');
  return { ...set.load(folder), name };
}

/**
 * The folder of a pretrained model that `qrkd data fetch` brought, by its name (`gpt2`, `distilgpt2`).
 *
 * @throws {QrkdRangeError} as {@link locateSet} does.
 */
export function modelFolder(name: string): string {
  return locateSet(name, 'model').folder;
}
