// Which encoded blocks are kept: never more than fit, each encoded once if all fit, and few times if not.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Block, type BlockEngine, BlockSource } from '#dist/tiles/blocks.js';
import { type Grid, type Tile, tilesOf, tilesOfShard } from '#dist/tiles/grid.js';

/** Counts, and refuses what was not encoded or is already released. */
function counting(grid: Grid) {
  const alive = new Set<Block>();
  const counts = { encoded: 0, peak: 0, tiles: [] as number[] };
  const job = (run: () => void) => ({ promise: Promise.resolve().then(run), cancel() {}, progress: () => 0 });
  const engine: BlockEngine<Block> = {
    encode(block) {
      counts.encoded++;
      alive.add(block);
      counts.peak = Math.max(counts.peak, alive.size);
      return { ...job(() => undefined), encoded: block };
    },
    compute: (rows, columns, tile) =>
      job(() => {
        assert.ok(alive.has(rows));
        assert.deepEqual([rows.side, rows.first, rows.count], ['X', tile.row, tile.rows]);
        if (columns) {
          assert.ok(alive.has(columns));
          const side = grid.symmetric ? 'X' : 'Y';
          assert.deepEqual([columns.side, columns.first, columns.count], [side, tile.column, tile.columns]);
        } else {
          assert.ok(grid.symmetric && tile.row === tile.column);
        }
        counts.tiles.push(tile.index);
      }),
    release(block) {
      assert.ok(alive.delete(block));
    },
  };
  return { engine, counts, alive };
}

async function run(grid: Grid, tiles: Tile[], capacity: number) {
  const { engine, counts, alive } = counting(grid);
  const source = new BlockSource(engine, grid, capacity);
  for (const tile of source.order(tiles)) await source.compute(tile, new ArrayBuffer(0)).promise;
  assert.ok(counts.peak <= capacity, `${counts.peak} of ${capacity} kept`);
  assert.deepEqual(
    counts.tiles.sort((a, b) => a - b),
    tiles.map(({ index }) => index),
  );
  source.close();
  assert.equal(alive.size, 0);
  return counts.encoded;
}

describe('BlockSource', () => {
  const symmetric: Grid = { rows: 1000, columns: 1000, edge: 64, symmetric: true };
  const cross: Grid = { rows: 500, columns: 1000, edge: 64, symmetric: false };

  it('encodes every block once where all fit', async () => {
    assert.equal(await run(symmetric, tilesOf(symmetric), 16), 16);
    assert.equal(await run(cross, tilesOf(cross), 24), 24);
  });

  it('encodes the other blocks once for as many rows as fit', async () => {
    for (const capacity of [2, 3, 4, 6, 9, 15]) {
      // Strips of capacity - 1 rows, each with all the columns from the diagonal on; what stays from one to the next only helps.
      let bound = 0;
      for (let row = 0; row < 16; row += capacity - 1) bound += 16 - row;
      const encoded = await run(symmetric, tilesOf(symmetric), capacity);
      assert.ok(encoded <= bound, `capacity ${capacity}: ${encoded} > ${bound}`);
      assert.ok(encoded >= 16);
    }
  });

  it('needs no more than two, also for what is left of a shard', async () => {
    for (const grid of [symmetric, cross]) {
      const tiles = tilesOfShard(grid, { index: 2, count: 3 }).filter(({ index }) => index % 3 !== 1);
      for (const capacity of [2, 3, 5]) await run(grid, tiles, capacity);
    }
  });

  it('stops in the middle of encoding', async () => {
    const { engine } = counting(symmetric);
    let cancelled = false;
    const source = new BlockSource(
      {
        ...engine,
        encode: (block) => ({
          promise: new Promise((_, reject) => setTimeout(() => reject(new Error('cancelled')), 5)),
          cancel() {
            cancelled = true;
          },
          progress: () => 0,
          encoded: block,
        }),
      },
      symmetric,
      4,
    );
    const job = source.compute(source.order(tilesOf(symmetric))[0]!, new ArrayBuffer(0));
    job.cancel();
    await assert.rejects(job.promise, /cancelled/);
    assert.ok(cancelled);
  });
});
