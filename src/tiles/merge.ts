import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { tilesOf } from './grid.js';
import { difference } from './identity.js';
import { npyLayout } from './layout.js';
import { type MatrixFile, writeMatrix } from './matrixFile.js';
import { PartFile } from './parts.js';
import type { TileJob, WriteOptions } from './writeTiles.js';

export interface MergeOptions extends WriteOptions {
  /** Go on with what an earlier merge has left; true by default. */
  resume?: boolean;
}

/**
 * Puts the parts of a kernel matrix, made with the option `shard` of `matrixToFile`, together: the same bytes as without
 * shards.
 *
 * @param path `.npy` file to write.
 * @param parts files of all shards, in any order.
 * @throws RangeError ERR_QRKD_FILE (a part that is missing or belongs to another matrix), ERR_QRKD_FORMAT; errors of the
 *   system with their code. An abort rejects with `signal.reason`.
 */
export async function mergeParts(path: string, parts: string[], options: MergeOptions = {}): Promise<MatrixFile> {
  rejectUnknownKeys(options, ['signal', 'onProgress', 'resume'], 'mergeParts');
  if (!Array.isArray(parts) || parts.length === 0) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', 'parts must be the files of all shards, got none');
  }
  const files: PartFile[] = [];
  try {
    for (const part of parts) files.push(await PartFile.open(part));
    checkTogether(files);
    const { identity } = files[0]!;
    const reader = {
      compute(tile, out): TileJob {
        const promise = files.find((file) => file.has(tile))!.read(tile, out);
        return { promise, cancel: () => undefined, progress: () => 0 };
      },
    } satisfies Parameters<typeof writeMatrix>[4];
    const layout = npyLayout(identity.grid, identity.dtype);
    return await writeMatrix(path, layout, identity, { tiles: tilesOf(identity.grid), shard: null }, reader, options);
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Refuses parts of different matrices, and fewer or more than all. */
function checkTogether(files: PartFile[]): void {
  const first = files[0]!;
  const seen = new Map<number, PartFile>();
  for (const file of files) {
    const { index, count } = file.shard;
    const changed =
      difference(file.identity, first.identity) ?? (count === first.shard.count ? undefined : 'the number of shards');
    if (changed) {
      throw new QrkdRangeError(
        'ERR_QRKD_FILE',
        `${file.path} and ${first.path} are not of the same matrix: ${changed} differs`,
      );
    }
    const twin = seen.get(index);
    if (twin) {
      throw new QrkdRangeError('ERR_QRKD_FILE', `${file.path} and ${twin.path} are both shard ${index}/${count}`);
    }
    seen.set(index, file);
  }
  const { count } = first.shard;
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter((index) => !seen.has(index));
  if (missing.length > 0) {
    throw new QrkdRangeError(
      'ERR_QRKD_FILE',
      `the parts are not complete: shard${missing.length > 1 ? 's' : ''} ${missing.map((i) => `${i}/${count}`).join(', ')} missing`,
    );
  }
}
