import { QrkdRangeError } from '../errors.js';

/** A matrix cut into square tiles; those at the right and the lower border may be smaller. */
export interface Grid {
  rows: number;
  columns: number;
  /** Rows and columns of a tile. */
  edge: number;
  /** Only tiles on and above the diagonal are computed; the others are their mirror images. */
  symmetric: boolean;
}

export interface Tile {
  /** Place in the list of `tilesOf`. */
  index: number;
  /** Of its first entry. */
  row: number;
  column: number;
  rows: number;
  columns: number;
}

/** `index` counts from 1. */
export interface Shard {
  index: number;
  count: number;
}

/** Multiples of the engine's panels of both precisions; powers of two, so that tiles of any size share borders. */
export const SMALLEST_EDGE = 16;
/** Smaller tiles would spend their time on anything but arithmetic, unless memory demands them. */
const USEFUL_EDGE = 256;
/**
 * 8 KiB of float32 a row: long enough for the disk, and a tile takes seconds at most. With buffers of 64 MiB (4096) the garbage
 * collector of the thread that writes never comes to rest, which took half a processor.
 */
const LARGEST_EDGE = 2048;
/** Tiles that a computation should have: enough to balance shards, and to lose little when it is stopped. */
const TILES = 32;
const TILES_OF_SHARD = 16;

/** The tiles in the order in which they are computed: row by row. */
export function tilesOf({ rows, columns, edge, symmetric }: Grid): Tile[] {
  const tiles: Tile[] = [];
  for (let row = 0; row < rows; row += edge) {
    for (let column = symmetric ? row : 0; column < columns; column += edge) {
      const size = { rows: Math.min(edge, rows - row), columns: Math.min(edge, columns - column) };
      tiles.push({ index: tiles.length, row, column, ...size });
    }
  }
  return tiles;
}

/** Entries that have to be computed: a tile on the diagonal of a symmetric matrix is mirrored itself. */
export function costOf(tile: Tile, { symmetric }: Grid): number {
  return symmetric && tile.row === tile.column ? (tile.rows * (tile.rows + 1)) / 2 : tile.rows * tile.columns;
}

/** Entries of the matrix that a tile fills, its mirror image included. */
export function entriesOf(tile: Tile, { symmetric }: Grid): number {
  return tile.rows * tile.columns * (symmetric && tile.row !== tile.column ? 2 : 1);
}

/** The tiles of one shard: neighbours, which share states, of about the same cost as those of any other shard. */
export function tilesOfShard(grid: Grid, { index, count }: Shard): Tile[] {
  const tiles = tilesOf(grid);
  const total = tiles.reduce((sum, tile) => sum + costOf(tile, grid), 0);
  let before = 0;
  return tiles.filter((tile) => {
    const cost = costOf(tile, grid);
    const middle = before + cost / 2;
    before += cost;
    return Math.min(count - 1, Math.floor((middle / total) * count)) === index - 1;
  });
}

/**
 * The edge of the tiles: as large as useful and as `memory` allows. It depends on nothing that differs between the machines
 * of a computation in shards, given the same memory.
 *
 * @param bytesFor memory that tiles of an edge take.
 * @throws RangeError ERR_QRKD_MEMORY with both numbers where not even the smallest tiles fit.
 */
export function chooseEdge(
  matrix: Omit<Grid, 'edge'>,
  shards: number,
  memory: number,
  bytesFor: (edge: number) => number,
): number {
  const wanted = shards > 1 ? TILES_OF_SHARD * shards : TILES;
  const tiles = (edge: number) => {
    const [down, across] = [Math.ceil(matrix.rows / edge), Math.ceil(matrix.columns / edge)];
    return matrix.symmetric ? (down * (down + 1)) / 2 : down * across;
  };
  let edge = LARGEST_EDGE;
  while (edge > USEFUL_EDGE && tiles(edge) < wanted) edge /= 2;
  while (edge > SMALLEST_EDGE && bytesFor(edge) > memory) edge /= 2;
  if (bytesFor(edge) > memory) {
    throw new QrkdRangeError(
      'ERR_QRKD_MEMORY',
      `memory: ${Math.ceil(bytesFor(edge))} bytes are needed at least for ${matrix.rows} x ${matrix.columns} samples, got ${Math.floor(memory)}`,
    );
  }
  return edge;
}
