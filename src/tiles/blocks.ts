import type { Grid, Tile } from './grid.js';
import type { TileJob, TileSource } from './writeTiles.js';

/** Rows of X or of Y that the tiles of one row or column of tiles share. */
export interface Block {
  side: 'X' | 'Y';
  first: number;
  count: number;
}

/** What computes tiles from blocks of encoded samples. */
export interface BlockEngine<E> {
  /** Starts encoding; the result may be used once the promise is fulfilled. */
  encode(block: Block): TileJob & { encoded: E };
  /** Starts a tile, row-major and dense, to the start of `out`; the symmetric one of `rows` if `columns` is null. */
  compute(rows: E, columns: E | null, tile: Tile, out: ArrayBuffer): TileJob;
  release(encoded: E): void;
}

/**
 * Tiles from encoded blocks, at most `capacity` of which are kept. If all of them fit, each is encoded once. Otherwise as
 * many rows of tiles as fit, but for one block, are computed column by column, so that every other block is encoded once for
 * all of them, and the block that goes is always the one whose next use is farthest (Belady 1966): the order is known.
 */
export class BlockSource<E> implements TileSource {
  private readonly kept = new Map<string, E>();
  /** By block, the places in the order of tiles where it is used, the next one last. */
  private readonly uses = new Map<string, number[]>();

  constructor(
    private readonly engine: BlockEngine<E>,
    private readonly grid: Grid,
    private readonly capacity: number,
  ) {}

  order(tiles: Tile[]): Tile[] {
    const different = new Set(tiles.flatMap((tile) => this.blocksOf(tile).map(nameOf))).size;
    const strip = this.grid.edge * (different <= this.capacity ? 1 : Math.max(1, this.capacity - 1));
    const stripOf = (tile: Tile) => Math.floor(tile.row / strip);
    const ordered = [...tiles].sort((a, b) => stripOf(a) - stripOf(b) || a.column - b.column || a.row - b.row);
    for (let place = ordered.length - 1; place >= 0; place--) {
      for (const name of this.blocksOf(ordered[place]!).map(nameOf)) {
        const places = this.uses.get(name);
        if (places) places.push(place);
        else this.uses.set(name, [place]);
      }
    }
    return ordered;
  }

  compute(tile: Tile, out: ArrayBuffer): TileJob {
    let running: TileJob | undefined;
    let multiplying: TileJob | undefined;
    let cancelled = false;
    const run = async (job: TileJob) => {
      running = job;
      if (cancelled) job.cancel();
      await job.promise;
    };
    const work = async () => {
      const blocks = this.blocksOf(tile);
      const names = blocks.map(nameOf);
      for (const name of names) this.uses.get(name)!.pop();
      for (const [i, block] of blocks.entries()) {
        if (this.kept.has(names[i]!)) continue;
        this.makeRoom(names);
        const job = this.engine.encode(block);
        await run(job);
        this.kept.set(names[i]!, job.encoded);
      }
      const [rows, columns] = names.map((name) => this.kept.get(name)!);
      multiplying = this.engine.compute(rows!, columns ?? null, tile, out);
      await run(multiplying);
    };
    return {
      promise: work(),
      cancel() {
        cancelled = true;
        running?.cancel();
      },
      progress: () => multiplying?.progress() ?? 0,
    };
  }

  /** Gives everything back. */
  close(): void {
    for (const encoded of this.kept.values()) this.engine.release(encoded);
    this.kept.clear();
  }

  private blocksOf({ row, column, rows, columns }: Tile): Block[] {
    const { symmetric } = this.grid;
    const left: Block = { side: 'X', first: row, count: rows };
    if (symmetric && row === column) return [left];
    return [left, { side: symmetric ? 'X' : 'Y', first: column, count: columns }];
  }

  private makeRoom(needed: string[]): void {
    while (this.kept.size >= this.capacity) {
      let farthest: string | undefined;
      for (const name of this.kept.keys()) {
        if (!needed.includes(name) && (!farthest || this.next(name) > this.next(farthest))) farthest = name;
      }
      this.engine.release(this.kept.get(farthest!)!);
      this.kept.delete(farthest!);
    }
  }

  private next(name: string): number {
    return this.uses.get(name)!.at(-1) ?? Number.POSITIVE_INFINITY;
  }
}

const nameOf = ({ side, first }: Block) => `${side}${first}`;
