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

/** Standard output, as the name of an output file. */
export const STDOUT = '-';

/**
 * Reads a matrix of finite numbers from a `.npy` or `.csv` file.
 *
 * @throws RangeError ERR_QRKD_FILE (missing, a folder, unknown ending), ERR_QRKD_FORMAT, ERR_QRKD_SHAPE or
 *   ERR_QRKD_NOT_FINITE, naming the file.
 */
export async function readMatrixFile(path: string): Promise<Matrix> {
  const parse = { '.npy': parseNpy, '.csv': parseCsv }[extname(path).toLowerCase()];
  if (!parse) throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: unknown ending; expected .npy or .csv`);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, expected a file' : message;
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: ${why}`);
  }
  const matrix = parse(bytes, path);
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

/** Refuses an output that could not be written, before any work is done. */
export async function checkMatrixOutput(path: string): Promise<void> {
  if (path === STDOUT) return;
  if (!['.npy', '.csv'].includes(extname(path).toLowerCase())) {
    throw new QrkdRangeError(
      'ERR_QRKD_FILE',
      `--out ${path}: unknown ending; expected .npy, .csv or - for standard output`,
    );
  }
  try {
    await access(dirname(path), constants.W_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Error(`--out ${path}: the folder ${dirname(path)} ${missing ? 'does not exist' : 'is not writable'}`);
  }
}

/** Writes a matrix to a `.npy` or `.csv` file, whole or not at all, or as CSV to standard output. */
export async function writeMatrixFile(path: string, matrix: Matrix): Promise<void> {
  if (path === STDOUT) {
    for (const lines of formatCsv(matrix)) {
      if (!process.stdout.write(lines)) await once(process.stdout, 'drain');
    }
    return;
  }
  const content = extname(path).toLowerCase() === '.npy' ? formatNpy(matrix) : formatCsv(matrix);
  // The content goes in here because write-file-atomic itself writes at most 2 GiB, and strings end at 512 MiB.
  await writeFileAtomic(path, '', { tmpfileCreated: (temporary) => writeFile(temporary, content) });
}
