import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { QrkdRangeError } from '../errors.js';

/**
 * Refuses a folder that could not be made or written to, before any work; leaves nothing behind.
 *
 * `mkdir` that makes parents is no test: where the system answers that a folder does not exist in one that does (`/proc`), it
 * never returns.
 *
 * @param option names the folder in the error.
 * @throws RangeError ERR_QRKD_FILE.
 */
export function checkFolder(folder: string, option: string): void {
  let nearest = resolve(folder);
  while (!existsSync(nearest)) nearest = dirname(nearest);
  try {
    rmdirSync(mkdtempSync(join(nearest, '.qrkd-')));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOTDIR' ? `${nearest} is a file` : `${nearest} cannot be written to (${code})`;
    throw new QrkdRangeError('ERR_QRKD_FILE', `${option} ${folder}: ${why}; name a folder that can be made`);
  }
}

/** Refuses a file whose folder does not exist or cannot be written to, before any work; see {@link checkFolder}. */
export function checkFileFolder(file: string, option: string): void {
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${option} ${file}: the folder ${folder} does not exist`);
  }
  checkFolder(folder, option);
}
