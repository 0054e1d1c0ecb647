import { type FileHandle, open } from 'node:fs/promises';
import { QrkdRangeError } from '../errors.js';
import { type Shard, type Tile, tilesOfShard } from './grid.js';
import type { Identity } from './identity.js';
import type { Layout } from './layout.js';

/** The header of a part file (see README.md). */
interface PartHeader extends Identity {
  shard: [number, number];
  tiles: [row: number, column: number, rows: number, columns: number][];
}

const MAGIC = 'QRKDPART';
const VERSION = 1;
const PREFIX = 16;

/** The name of a shard's file beside that of the whole matrix. */
export const partOf = (path: string, { index, count }: Shard) => `${path}.${index}of${count}.part`;

/** A file with the tiles of one shard. */
export function partLayout(identity: Identity, shard: Shard): Layout {
  const { grid, dtype } = identity;
  const itemBytes = dtype === '<f4' ? 4 : 8;
  const tiles = tilesOfShard(grid, shard);
  const header: PartHeader = {
    ...identity,
    shard: [shard.index, shard.count],
    tiles: tiles.map(({ row, column, rows, columns }) => [row, column, rows, columns]),
  };
  const json = JSON.stringify(header);
  const length = Math.ceil((PREFIX + Buffer.byteLength(json)) / 64) * 64;
  const start = Buffer.alloc(length, ' ');
  start.write(MAGIC, 'latin1');
  start.writeUInt32LE(VERSION, 8);
  start.writeUInt32LE(length - PREFIX, 12);
  start.write(json, PREFIX);
  let bytes = length;
  const positions = new Map<number, number>();
  for (const { index, rows, columns } of tiles) {
    positions.set(index, bytes);
    bytes += rows * columns * itemBytes;
  }
  return { kind: 'part', header: start, grid, itemBytes, bytes, positions };
}

/** A finished part, open for reading. */
export class PartFile {
  private constructor(
    readonly path: string,
    readonly identity: Identity,
    readonly shard: Shard,
    private readonly layout: Layout & { kind: 'part' },
    private readonly file: FileHandle,
  ) {}

  /** @throws RangeError ERR_QRKD_FILE or ERR_QRKD_FORMAT naming the file. */
  static async open(path: string): Promise<PartFile> {
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: ${code === 'ENOENT' ? 'no such file' : message}`);
    }
    try {
      const { shard, tiles: _, ...identity } = await readHeader(file, path);
      const which = { index: shard[0], count: shard[1] };
      const layout = partLayout(identity, which) as Layout & { kind: 'part' };
      const { size } = await file.stat();
      if (size !== layout.bytes) {
        throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: has ${size} bytes, expected ${layout.bytes}`);
      }
      return new PartFile(path, identity, which, layout, file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  has(tile: Tile): boolean {
    return this.layout.positions.has(tile.index);
  }

  /** Reads a tile to the start of `out`. */
  async read(tile: Tile, out: ArrayBuffer): Promise<void> {
    const bytes = new Uint8Array(out, 0, tile.rows * tile.columns * this.layout.itemBytes);
    const position = this.layout.positions.get(tile.index)!;
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.file.read(bytes, done, bytes.length - done, position + done);
      if (bytesRead === 0) throw new QrkdRangeError('ERR_QRKD_FORMAT', `${this.path}: is truncated`);
      done += bytesRead;
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

async function readHeader(file: FileHandle, path: string): Promise<PartHeader> {
  const prefix = Buffer.alloc(PREFIX);
  await file.read(prefix, 0, PREFIX, 0);
  if (prefix.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: is not a part of a kernel matrix (made with --shard)`);
  }
  const version = prefix.readUInt32LE(8);
  if (version !== VERSION) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: is of version ${version}, expected ${VERSION}`);
  }
  const json = Buffer.alloc(Math.min(prefix.readUInt32LE(12), (await file.stat()).size));
  await file.read(json, 0, json.length, PREFIX);
  try {
    const header = JSON.parse(json.toString()) as PartHeader;
    const { rows, columns, edge } = header.grid;
    if ([rows, columns, edge, ...header.shard].every((value) => Number.isInteger(value) && value > 0)) return header;
  } catch {
    // Refused below.
  }
  throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: its header is damaged`);
}
