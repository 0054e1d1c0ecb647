import { resolve } from 'node:path';
import type { Shard, Tile } from './grid.js';
import type { Identity } from './identity.js';
import { PartialFile } from './journal.js';
import type { Layout } from './layout.js';
import { closing, type TileSource, type WriteOptions, writeTiles } from './writeTiles.js';

/** A matrix, or a shard's part of it, that is complete on the disk. */
export interface MatrixFile {
  path: string;
  /** Of the whole matrix. */
  shape: [rows: number, columns: number];
  bytes: number;
  /** Tiles in the file, and how many of them an earlier run had left. */
  tiles: number;
  resumed: number;
}

/** Opens or resumes `path`, computes what is missing, and closes it. */
export async function writeMatrix(
  path: string,
  layout: Layout,
  identity: Identity,
  { tiles, shard }: { tiles: Tile[]; shard: Shard | null },
  source: TileSource,
  { resume = true, ...options }: WriteOptions & { resume?: boolean | undefined },
): Promise<MatrixFile> {
  const full = resolve(path);
  await closing.get(full);
  options.signal?.throwIfAborted();
  const file = await PartialFile.open(full, layout, identity, {
    shard: shard && [shard.index, shard.count],
    tiles: tiles.length,
    resume,
  });
  const { rows, columns } = layout.grid;
  const result = { path, shape: [rows, columns] as [number, number], bytes: layout.bytes, tiles: tiles.length };
  if (!file) return { ...result, resumed: tiles.length };
  await writeTiles(file, layout, tiles, source, options);
  return { ...result, resumed: file.done.size };
}
