import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { QrkdRangeError } from '../errors.js';

/** Refuses a picture's file that could not be written, before any work is done. */
export async function checkPicture(option: string, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  if (extname(path).toLowerCase() !== '.svg') {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${option} ${path}: unknown ending; expected .svg`);
  }
  try {
    await access(dirname(path), constants.W_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Error(`${option} ${path}: the folder ${dirname(path)} ${missing ? 'does not exist' : 'is not writable'}`);
  }
}

export async function writePicture(path: string | undefined, draw: () => Promise<string>): Promise<void> {
  if (path !== undefined) await writeFileAtomic(path, await draw());
}
