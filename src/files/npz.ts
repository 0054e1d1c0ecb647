import { type Unzipped, unzipSync, Zip, ZipPassThrough } from 'fflate';
import { checkMemory } from '../engine/memory.js';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError, suggest } from '../errors.js';
import { formatNpy, parseNpy } from './npy.js';

/** fflate writes no ZIP64: sizes and offsets have 32 bits. */
const LARGEST = 2 ** 32 - 2 ** 20;

/** Array "X" is the entry X.npy. */
const ENDING = '.npy';

interface Entry {
  name: string;
  bytes: number;
}

/** Splits `file.npz:name` into the file and the name of the array, which may be left out. */
export function splitNpzPath(path: string): { file: string; array?: string } | undefined {
  const [, file, array] = /^(.*\.npz)(?::(.+))?$/is.exec(path) ?? [];
  return file === undefined ? undefined : { file, ...(array !== undefined && { array }) };
}

/** Names and sizes of the arrays in a NumPy `.npz` archive. */
function entriesOf(bytes: Buffer, path: string): Entry[] {
  const entries: Entry[] = [];
  unzip(bytes, path, ({ name, originalSize }) => {
    if (name.endsWith(ENDING)) entries.push({ name: name.slice(0, -ENDING.length), bytes: originalSize });
    return false;
  });
  if (entries.length === 0) throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: has no arrays`);
  return entries;
}

function unzip(
  bytes: Buffer,
  path: string,
  filter: (entry: { name: string; originalSize: number }) => boolean,
): Unzipped {
  try {
    return unzipSync(bytes, { filter });
  } catch (error) {
    throw new QrkdRangeError(
      'ERR_QRKD_FORMAT',
      `${path}: is not a complete .npz file (${(error as Error).message.replace(/\.$/, '')})`,
    );
  }
}

function readEntry(bytes: Buffer, path: string, { name, bytes: size }: Entry, vectors: boolean): Matrix {
  // The archive, the entry and its numbers in double.
  checkMemory(bytes.length + 3 * size, `array "${name}" of ${path}`);
  const content = unzip(bytes, path, (entry) => entry.name === name + ENDING)[name + ENDING];
  return parseNpy(Buffer.from(content.buffer, content.byteOffset, content.length), `${path}:${name}`, vectors);
}

/**
 * A matrix of a NumPy `.npz` archive, compressed or not.
 *
 * @param array its name; may be left out where there is only one.
 * @param vectors as for {@link parseNpy}.
 * @throws RangeError ERR_QRKD_FORMAT naming the file and the arrays that it has.
 */
export function parseNpzMatrix(bytes: Buffer, path: string, array?: string, vectors = false): Matrix {
  const entries = entriesOf(bytes, path);
  const names = entries.map(({ name }) => name);
  if (array === undefined && entries.length > 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_FORMAT',
      `${path}: has ${names.length} arrays (${names.join(', ')}); name one: ${path}:NAME`,
    );
  }
  const entry = array === undefined ? entries[0] : entries.find(({ name }) => name === array);
  if (!entry) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: has no array "${array}"${suggest(array!, names)}`);
  }
  return readEntry(bytes, path, entry, vectors);
}

/** All arrays of a `.npz` archive by name; they must all be of real numbers, in one dimension (a column then) or two. */
export function parseNpz(bytes: Buffer, path: string): Record<string, Matrix> {
  return Object.fromEntries(entriesOf(bytes, path).map((entry) => [entry.name, readEntry(bytes, path, entry, true)]));
}

/** Refuses arrays that no `.npz` file could hold. */
export function checkNpzSize(bytes: number): void {
  if (bytes <= LARGEST) return;
  throw new QrkdRangeError('ERR_QRKD_VALUE', `a .npz file holds less than 4 GiB, got ${bytes} bytes; write .npy files`);
}

/**
 * A `.npz` archive in pieces, its arrays not compressed, as `numpy.savez` has them. The same matrices make the same bytes.
 *
 * @throws RangeError ERR_QRKD_VALUE for arrays of 4 GiB and more, or for a name that no archive can have.
 */
export function* formatNpz(arrays: Record<string, Matrix>): Generator<Uint8Array> {
  checkNpzSize(Object.values(arrays).reduce((sum, { data }) => sum + data.byteLength, 0));
  let pieces: Uint8Array[] = [];
  const archive = new Zip((error, piece) => {
    if (error) throw error;
    pieces.push(piece);
  });
  for (const [name, matrix] of Object.entries(arrays)) {
    if (name === '') throw new QrkdRangeError('ERR_QRKD_VALUE', 'an array of a .npz file needs a name');
    const entry = new ZipPassThrough(name + ENDING);
    entry.mtime = new Date(1980, 0, 1); // the first day that the format knows
    archive.add(entry);
    for (const piece of formatNpy(matrix)) {
      entry.push(new Uint8Array(piece.buffer, piece.byteOffset, piece.length));
      yield* pieces;
      pieces = [];
    }
    entry.push(new Uint8Array(0), true);
  }
  archive.end();
  yield* pieces;
}
