import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Fills a folder with files that belong together: they are written aside and moved in when all are there, so that results of
 * two studies are never mixed.
 */
export async function moveInto<T>(folder: string, write: (staging: string) => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true });
  const staging = mkdtempSync(join(folder, '.results-'));
  try {
    const result = await write(staging);
    for (const file of readdirSync(staging)) renameSync(join(staging, file), join(folder, file));
    return result;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
