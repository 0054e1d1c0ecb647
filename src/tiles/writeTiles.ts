import { costOf, type Tile } from './grid.js';
import type { PartialFile } from './journal.js';
import { type Layout, tileBytes } from './layout.js';
import { TileWriter } from './writer.js';

/** One being computed while the other is written. */
export const BUFFERS = 2;
const PROGRESS_MS = 100;
/** Share of the work from which on the rest is forecast. */
const LEAST_FORECAST = 0.005;

/** Something under way that can be watched and stopped. */
export interface TileJob {
  promise: Promise<void>;
  cancel(): void;
  /** Finished fraction. */
  progress(): number;
}

/** Where tiles come from. */
export interface TileSource {
  /** The order in which it wants to compute the tiles that are missing. */
  order?(tiles: Tile[]): Tile[];
  /** Writes the tile, row-major and dense, to the start of `out`, which must be left alone until the promise is settled. */
  compute(tile: Tile, out: ArrayBuffer): TileJob;
  /** Gives back what it holds. */
  close?(): void;
}

export interface FileProgress {
  /** Written so far, by earlier runs too. */
  bytes: number;
  totalBytes: number;
  /** Forecast; undefined as long as too little is done for one. */
  secondsLeft: number | undefined;
}

export interface WriteOptions {
  signal?: AbortSignal | null | undefined;
  /** Called on the event loop; fraction 0..1 of the computation, what earlier runs did included. */
  onProgress?: ((fraction: number, progress: FileProgress) => void) | undefined;
}

/**
 * Computes the tiles that are not done yet, each while the one before is written, and gives the file its name.
 * An abort rejects with `signal.reason` at once; what was written by then is made durable afterwards (see `closing`).
 */
export async function writeTiles(
  file: PartialFile,
  layout: Layout,
  tiles: Tile[],
  source: TileSource,
  { signal, onProgress }: WriteOptions,
): Promise<void> {
  const largest = tiles.reduce((most, { rows, columns }) => Math.max(most, rows * columns), 0);
  const meter = new Meter(layout, tiles, file.done);
  let job: TileJob | undefined;
  const writer = new TileWriter(file.fd, file.path, layout, {
    bufferBytes: largest * layout.itemBytes,
    buffers: BUFFERS,
    onWritten(tile) {
      file.written(tile);
      meter.written(tile);
    },
  });
  const work = async () => {
    const missing = tiles.filter((tile) => !file.done.has(tile.index));
    for (const tile of source.order?.(missing) ?? missing) {
      file.check();
      const buffer = await writer.buffer();
      try {
        // The outcome is known already; this only leaves the loop.
        if (stopped) throw new Error('stopped');
        meter.starts(tile);
        job = source.compute(tile, buffer);
        await job.promise;
      } catch (error) {
        writer.release(buffer);
        throw error;
      }
      meter.computed(tile);
      job = undefined;
      writer.write(tile, buffer);
    }
    await writer.close();
    if (stopped) return;
    // From here on it is too late to stop.
    signal?.removeEventListener('abort', abort);
    await file.finish();
  };
  const report = () => onProgress?.(...meter.read(job?.progress() ?? 0));
  let stopped = false;
  let stop!: (reason: unknown) => void;
  const aborted = new Promise<never>((_, reject) => {
    stop = (reason) => {
      stopped = true;
      job?.cancel();
      reject(reason);
    };
  });
  const abort = () => stop(signal!.reason);
  // On a timer nobody else would catch what onProgress throws.
  const watch = () => {
    try {
      report();
    } catch (error) {
      stop(error);
    }
  };
  const timer = onProgress && setInterval(watch, PROGRESS_MS);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  const worked = work();
  // Whatever happens, all that was written is kept for the next run.
  const closed = worked
    .catch(() => writer.close().catch(() => undefined))
    .then(() => file.close())
    .catch(() => undefined)
    .finally(() => closing.delete(file.path));
  closing.set(file.path, closed);
  try {
    await Promise.race([worked, aborted]);
    await closed;
  } catch (error) {
    // Only an abort must not wait for the disk.
    if (!stopped) await closed;
    throw error;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', abort);
  }
  report();
}

/** Files that are being closed after their computation was aborted; who wants to go on with one waits for it. */
export const closing = new Map<string, Promise<void>>();

/** Counts what is done and forecasts the rest. */
class Meter {
  private readonly start = performance.now();
  private readonly total: number;
  private readonly totalBytes: number;
  private readonly before: number;
  private done: number;
  private bytes: number;
  private running = 0;

  constructor(
    private readonly layout: Layout,
    tiles: Tile[],
    finished: ReadonlySet<number>,
  ) {
    const cost = (some: Tile[]) => some.reduce((sum, tile) => sum + costOf(tile, layout.grid), 0);
    const bytes = (some: Tile[]) => some.reduce((sum, tile) => sum + tileBytes(tile, layout), 0);
    const earlier = tiles.filter((tile) => finished.has(tile.index));
    this.total = cost(tiles);
    this.totalBytes = bytes(tiles);
    this.before = this.done = cost(earlier);
    this.bytes = bytes(earlier);
  }

  starts(tile: Tile): void {
    this.running = costOf(tile, this.layout.grid);
  }

  computed(tile: Tile): void {
    this.running = 0;
    this.done += costOf(tile, this.layout.grid);
  }

  written(tile: Tile): void {
    this.bytes += tileBytes(tile, this.layout);
  }

  read(progressOfTile: number): [number, FileProgress] {
    const done = this.done + this.running * progressOfTile;
    const share = (done - this.before) / this.total;
    const secondsLeft =
      share > LEAST_FORECAST ? ((performance.now() - this.start) / 1000 / share) * (1 - done / this.total) : undefined;
    return [done / this.total, { bytes: this.bytes, totalBytes: this.totalBytes, secondsLeft }];
  }
}
