import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { QrkdRangeError, suggest } from '../errors.js';
import { type DownloadOptions, download, sha256Of } from './download.js';
import { SETS, SOURCES, type Source } from './sources.js';

/**
 * The source of a name, which may be that of a source or of one of its sets, and the sets that are meant.
 *
 * @throws {QrkdRangeError} `ERR_QRKD_VALUE` naming the nearest one.
 */
export function sourceOf(name: string): { source: string; sets: string[] } {
  if (Object.hasOwn(SOURCES, name)) return { source: name, sets: Object.keys(SOURCES[name].sets) };
  const source = SETS.get(name);
  if (source !== undefined) return { source, sets: [name] };
  if (name === 'mnist') {
    throw new QrkdRangeError('ERR_QRKD_VALUE', 'mnist installs with this package; all of MNIST is mnist-full');
  }
  if (name === 'brown') throw new QrkdRangeError('ERR_QRKD_VALUE', 'brown installs with this package');
  const known = [...new Set([...Object.keys(SOURCES), ...SETS.keys()])];
  throw new QrkdRangeError('ERR_QRKD_VALUE', `no data set is called "${name}"${suggest(name, known)}`);
}

/**
 * Brings the files of a source into a folder; those that are there with the right checksum stay.
 *
 * @param mirror a folder on the web to take them from, in place of the source's own.
 * @returns names of the files that were downloaded.
 */
export async function fetchSource(
  { files, mirrors, command }: Source,
  folder: string,
  { mirror, onProgress, ...options }: DownloadOptions & { mirror?: string } = {},
): Promise<string[]> {
  const fetched: string[] = [];
  let earlier = 0;
  for (const file of files) {
    const target = join(folder, file.name);
    if ((await checkFile(file, target, options.signal)) !== 'right') {
      if (mirror === undefined && command !== undefined) {
        // The other tool wants the folder to be there.
        mkdirSync(folder, { recursive: true });
        throw new QrkdRangeError('ERR_QRKD_VALUE', `${file.name} comes by another tool; run: ${command(folder)}`);
      }
      const urls = (mirror === undefined ? mirrors : [mirror]).map((base) => base.replace(/\/?$/, '/') + file.name);
      const before = earlier;
      await download(file, target, urls, { ...options, onProgress: (bytes) => onProgress?.(before + bytes) });
      fetched.push(file.name);
    }
    earlier += sizeOf(target);
    onProgress?.(earlier);
  }
  return fetched;
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** How a file compares with what its publisher offers; `another checksum` and so on are what is wrong with it. */
export async function checkFile(
  { bytes, sha256 }: Source['files'][number],
  path: string,
  signal?: AbortSignal,
): Promise<string> {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    const part = statSync(`${path}.partial`, { throwIfNoEntry: false })?.size;
    return part === undefined ? 'missing' : `incomplete: ${part}${bytes === undefined ? '' : ` of ${bytes}`} bytes`;
  }
  if (bytes !== undefined && size !== bytes) return `${size} bytes, expected ${bytes}`;
  const found = await sha256Of(path, signal);
  return found === sha256 ? 'right' : `SHA-256 ${found}, expected ${sha256}`;
}
