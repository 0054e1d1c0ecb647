import { writeSync } from 'node:fs';
import type { Scalars } from '../engine/native.js';
import { npyHeader } from '../files/npy.js';
import { entriesOf, type Grid, type Tile } from './grid.js';

/** Where the tiles of a file go. Plain data: it is sent to the thread that writes. */
export type Layout = {
  /** What the file starts with. */
  header: Uint8Array;
  grid: Grid;
  /** Of one number. */
  itemBytes: 4 | 8;
  /** Of the whole file. */
  bytes: number;
} & (
  | { kind: 'npy' }
  | {
      kind: 'part';
      /** By the tile's index. */
      positions: Map<number, number>;
    }
);

/** Rows of a tile's mirror image that are transposed at once. */
const BAND = 64;

/** A `.npy` file with the whole matrix. */
export function npyLayout(grid: Grid, dtype: '<f4' | '<f8'): Layout {
  const header = npyHeader(dtype, grid.rows, grid.columns);
  const itemBytes = dtype === '<f4' ? 4 : 8;
  return { kind: 'npy', header, grid, itemBytes, bytes: header.length + grid.rows * grid.columns * itemBytes };
}

/** Bytes that a tile fills in the file. */
export function tileBytes(tile: Tile, { kind, grid, itemBytes }: Layout): number {
  return itemBytes * (kind === 'npy' ? entriesOf(tile, grid) : tile.rows * tile.columns);
}

/** Memory that writing takes: buffers of whole tiles and a band of a mirror image. */
export function writingBytes(rows: number, columns: number, buffers: number, itemBytes: number): number {
  return itemBytes * (buffers * rows * columns + BAND * bandStride(rows));
}

/** A distance of a power of two between the rows would put all of them into the same few cache lines. */
const bandStride = (rows: number) => rows + 16;

/** Writes a tile, row-major in `data`, and in a `.npy` file of a symmetric matrix its mirror image, to their places. */
export function writeTile(fd: number, layout: Layout, tile: Tile, data: Scalars): void {
  const { header, grid, itemBytes } = layout;
  if (layout.kind === 'part') {
    writeAll(fd, data, layout.positions.get(tile.index)!);
    return;
  }
  const position = (row: number, column: number) => header.length + (row * grid.columns + column) * itemBytes;
  if (tile.columns === grid.columns) {
    writeAll(fd, data, position(tile.row, 0));
    return;
  }
  for (let i = 0; i < tile.rows; i++) {
    writeAll(fd, data.subarray(i * tile.columns, (i + 1) * tile.columns), position(tile.row + i, tile.column));
  }
  if (!grid.symmetric || tile.row === tile.column) return;
  const stride = bandStride(tile.rows);
  const band = data instanceof Float32Array ? new Float32Array(BAND * stride) : new Float64Array(BAND * stride);
  for (let first = 0; first < tile.columns; first += BAND) {
    const count = Math.min(BAND, tile.columns - first);
    for (let i = 0; i < tile.rows; i++) {
      const from = i * tile.columns + first;
      for (let j = 0; j < count; j++) band[j * stride + i] = data[from + j]!;
    }
    for (let j = 0; j < count; j++) {
      const row = band.subarray(j * stride, j * stride + tile.rows);
      writeAll(fd, row, position(tile.column + first + j, tile.row));
    }
  }
}

/** A single write may stop early, for example where the disk becomes full; the next one then says why. */
function writeAll(fd: number, data: Scalars, position: number): void {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
