import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, readFile, writeFile } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { checkFinite } from '../engine/input.js';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';
import { formatCsv, parseCsv } from './csv.js';
import { formatNpy, parseNpy } from './npy.js';
import { checkNpzSize, formatNpz, parseNpz, parseNpzMatrix, splitNpzPath } from './npz.js';

/** Standard output, as the name of an output file. */
export const STDOUT = '-';

const ENDINGS = ['.npy', '.npz', '.csv'];

const endingOf = (path: string): string => extname(path).toLowerCase();

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, expected a file' : message;
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: ${why}`);
  }
}

function checkNumbers(matrix: Matrix, path: string): Matrix {
  const [rows, columns] = matrix.shape;
  if (rows === 0 || columns === 0) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${path}: has ${rows} rows and ${columns} columns, expected at least 1 of each`,
    );
  }
  checkFinite(matrix, `${path}:`);
  return matrix;
}

/** The file that holds a matrix: `path` itself, or what comes before the name of an array in `file.npz:name`. */
export function matrixFileOf(path: string): string {
  return splitNpzPath(path)?.file ?? path;
}

/**
 * Reads a matrix of finite numbers from a `.npy` or `.csv` file, or from a `.npz` file: `file.npz` if it has one array,
 * else `file.npz:name`. float32 stays float32, everything else becomes float64.
 *
 * @throws RangeError ERR_QRKD_FILE (missing, a folder, unknown ending), ERR_QRKD_FORMAT, ERR_QRKD_SHAPE or
 *   ERR_QRKD_NOT_FINITE, naming the file.
 */
export async function readMatrixFile(path: string): Promise<Matrix> {
  return readNumbers(path, false);
}

/**
 * Reads a list of finite numbers as {@link readMatrixFile} does a matrix: an array of one dimension, or one row or column.
 *
 * @throws RangeError as {@link readMatrixFile} does.
 */
export async function readVectorFile(path: string): Promise<Matrix['data']> {
  const { data, shape } = await readNumbers(path, true);
  if (Math.min(...shape) === 1) return data;
  throw new QrkdRangeError('ERR_QRKD_SHAPE', `${path}: has shape [${shape}], expected one row or column`);
}

/** @param vectors whether an array of one dimension is a column; it is refused otherwise. */
async function readNumbers(path: string, vectors: boolean): Promise<Matrix> {
  const npz = splitNpzPath(path);
  if (npz) return checkNumbers(parseNpzMatrix(await readBytes(npz.file), npz.file, npz.array, vectors), path);
  const ending = endingOf(path);
  if (ending === '.csv') return checkNumbers(parseCsv(await readBytes(path), path), path);
  if (ending === '.npy') return checkNumbers(parseNpy(await readBytes(path), path, vectors), path);
  throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: unknown ending; expected .npy, .npz or .csv`);
}

/**
 * Reads class labels: a `.npy` or `.npz` file with one number a sample, or a `.csv` file with one number or name a line.
 *
 * @throws RangeError as {@link readMatrixFile} does.
 */
export async function readLabelsFile(path: string): Promise<ArrayLike<number | string>> {
  if (endingOf(path) !== '.csv') return readVectorFile(path);
  const lines = (await readBytes(path))
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/);
  const labels = lines.map((line) => line.trim()).filter((line) => line !== '');
  if (labels.length > 0) return labels;
  throw new QrkdRangeError('ERR_QRKD_SHAPE', `${path}: has no labels, expected one a line`);
}

/**
 * Reads all arrays of a `.npz` file by name, each a matrix of finite numbers; an array of one dimension becomes a column.
 *
 * @throws RangeError as {@link readMatrixFile} does.
 */
export async function readNpzFile(path: string): Promise<Record<string, Matrix>> {
  const arrays = parseNpz(await readBytes(path), path);
  for (const [name, matrix] of Object.entries(arrays)) checkNumbers(matrix, `${path}:${name}`);
  return arrays;
}

/** Refuses an output that could not be written, before any work is done. */
export async function checkMatrixOutput(path: string): Promise<void> {
  if (path === STDOUT) return;
  if (!ENDINGS.includes(endingOf(path))) {
    throw new QrkdRangeError(
      'ERR_QRKD_FILE',
      `--out ${path}: unknown ending; expected .npy, .npz, .csv or - for standard output`,
    );
  }
  try {
    await access(dirname(path), constants.W_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Error(`--out ${path}: the folder ${dirname(path)} ${missing ? 'does not exist' : 'is not writable'}`);
  }
}

/** Refuses a matrix that is too large for its format, before it is computed. */
export function checkMatrixSize(path: string, bytes: number): void {
  if (endingOf(path) === '.npz') checkNpzSize(bytes);
}

/**
 * Writes a matrix, whole or not at all, to a `.npy`, `.npz` (as the array K) or `.csv` file, or as CSV to standard output
 * (path '-').
 */
export async function writeMatrixFile(path: string, matrix: Matrix): Promise<void> {
  if (path === STDOUT) {
    for (const lines of formatCsv(matrix)) {
      if (!process.stdout.write(lines)) await once(process.stdout, 'drain');
    }
    return;
  }
  const formats = { '.npy': formatNpy, '.npz': (K: Matrix) => formatNpz({ K }), '.csv': formatCsv };
  const format = formats[endingOf(path) as keyof typeof formats];
  if (!format) throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: unknown ending; expected ${ENDINGS.join(', ')}`);
  await writeWhole(path, format(matrix));
}

/** Writes matrices as the arrays of a `.npz` file, as `numpy.savez` does, whole or not at all. */
export async function writeNpzFile(path: string, arrays: Record<string, Matrix>): Promise<void> {
  await writeWhole(path, formatNpz(arrays));
}

async function writeWhole(path: string, content: Iterable<string | Uint8Array>): Promise<void> {
  // The content goes in here because write-file-atomic itself writes at most 2 GiB, and strings end at 512 MiB.
  await writeFileAtomic(path, '', { tmpfileCreated: (temporary) => writeFile(temporary, content) });
}
