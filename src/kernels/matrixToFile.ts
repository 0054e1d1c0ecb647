import { extname, resolve } from 'node:path';
import { checkMemory } from '../engine/memory.js';
import { type NativeJob, type Scalars, simdInfo } from '../engine/native.js';
import type { Matrix, Precision } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { type BlockEngine, BlockSource } from '../tiles/blocks.js';
import { chooseEdge, type Grid, SMALLEST_EDGE, type Tile, tilesOf, tilesOfShard } from '../tiles/grid.js';
import { digest, type Identity } from '../tiles/identity.js';
import { journalOf, readJournal } from '../tiles/journal.js';
import { npyLayout, writingBytes } from '../tiles/layout.js';
import { type MatrixFile, writeMatrix } from '../tiles/matrixFile.js';
import { defaultMemory, parseMemory, parseShard } from '../tiles/options.js';
import { partLayout, partOf } from '../tiles/parts.js';
import { BUFFERS, type TileJob, type TileSource, type WriteOptions } from '../tiles/writeTiles.js';
import { packageVersion } from '../version.js';

export interface MatrixToFileOptions extends WriteOptions {
  /** Go on with what an earlier call, stopped for whatever reason, has left; true by default. */
  resume?: boolean;
  /**
   * Memory for samples, states and tiles, in bytes or as '4GiB'; a quarter of the machine's by default (or of what the
   * process may use). What Node itself takes, some 100 MB, comes on top.
   */
  memory?: number | string;
  /** 'i/n', i from 1 to n: compute the i-th of n parts of equal cost, to be put together by `mergeParts`. */
  shard?: string;
}

/** What is done with a finished block of the matrix, given where it lies; in place. */
export type TileFinisher = (block: Matrix, tile: Tile, signal: AbortSignal) => Promise<void>;

interface BadSample {
  row: number;
  inY: boolean;
}

/** Blocks of encoded samples that are kept at least, and those for which tiles are made smaller. */
const LEAST_BLOCKS = 2;
const KEPT_BLOCKS = 4;

/** What writing its matrix to a file needs of a kernel. */
export interface TiledKernel {
  name: string;
  precision: Precision;
  /** Plain JSON that decides the matrix together with the parameters and the samples. */
  json: Record<string, unknown>;
  parameters: Float64Array;
  /** Memory of a call with n samples and m others. */
  sampleBytes(n: number, m: number): number;
  /** Starts the matrix of x, or of x against y. */
  start(x: Scalars, n: number, y: Scalars | null, m: number, out: ArrayBuffer): NativeJob;
  /** Encodes x, a part of `whole` samples, for blocks. */
  encode(x: Scalars, n: number, whole: number): NativeJob & { handle: unknown };
  /** Starts the matrix of encoded samples, of a or of a against b. */
  block(a: unknown, b: unknown | null, out: ArrayBuffer): NativeJob;
  release(encoded: unknown): void;
  finish: TileFinisher | undefined;
  /** Errors of the addon in the library's own terms. */
  translate(error: unknown): unknown;
}

/** See `NativeBackedKernel.matrixToFile`; x and y are checked, and belong to this call. */
export async function matrixToFile(
  path: string,
  kernel: TiledKernel,
  x: Matrix,
  y: Matrix | undefined,
  options: MatrixToFileOptions,
): Promise<MatrixFile> {
  const { memory, shard, ...rest } = checkOptions(path, options);
  const { signal, resume = true } = rest;
  signal?.throwIfAborted();
  const target = shard ? partOf(path, shard) : path;
  const itemBytes = kernel.precision === 'float32' ? 4 : 8;
  const matrix = { rows: x.shape[0], columns: y?.shape[0] ?? x.shape[0], symmetric: !y };
  const samples = x.data.byteLength + (y?.data.byteLength ?? 0);
  const rows = matrix.rows + (y ? matrix.columns : 0);
  const blocks = (edge: number) => Math.ceil(matrix.rows / edge) + (y ? Math.ceil(matrix.columns / edge) : 0);
  const single = (edge: number) => edge >= matrix.rows && edge >= matrix.columns;
  /** With tiles of an edge and so many blocks of encoded samples. */
  const bytesWith = (edge: number, kept: number) => {
    const [down, across] = [Math.min(edge, matrix.rows), Math.min(edge, matrix.columns)];
    const finishing = kernel.finish ? down * across * itemBytes : 0;
    const encoded = single(edge)
      ? kernel.sampleBytes(matrix.rows, y ? matrix.columns : 0)
      : kernel.sampleBytes(Math.min(kept * edge, rows), 0);
    return samples + encoded + writingBytes(down, across, BUFFERS, itemBytes) + finishing;
  };
  const bytesFor = (edge: number) =>
    bytesWith(edge, edge === SMALLEST_EDGE ? LEAST_BLOCKS : Math.min(KEPT_BLOCKS, blocks(edge)));
  const earlier = resume ? (await readJournal(resolve(target)))?.header.identity.grid : undefined;
  const edge = fits(earlier, matrix) ? earlier.edge : chooseEdge(matrix, shard?.count ?? 1, memory, bytesFor);
  const least = bytesWith(edge, LEAST_BLOCKS);
  if (least > memory) {
    throw new QrkdRangeError(
      'ERR_QRKD_MEMORY',
      `memory: the tiles of ${journalOf(target)} need ${least} bytes, got ${memory}; give more, or start anew with resume: false (--no-resume)`,
    );
  }
  let kept = LEAST_BLOCKS;
  while (kept < blocks(edge) && bytesWith(edge, kept + 1) <= memory) kept++;
  checkMemory(
    bytesWith(edge, kept),
    `${kernel.name} of ${matrix.rows} x ${matrix.columns} samples in tiles of ${edge}`,
  );
  const grid: Grid = { ...matrix, edge };
  const identity: Identity = {
    qrkd: packageVersion(),
    kernel: kernel.json,
    parameters: await digest({ data: kernel.parameters, shape: [1, kernel.parameters.length] }),
    instructionSet: simdInfo().active,
    X: await digest(x),
    Y: y ? await digest(y) : null,
    dtype: itemBytes === 4 ? '<f4' : '<f8',
    grid,
  };
  const layout = shard ? partLayout(identity, shard) : npyLayout(grid, identity.dtype);
  const tiles = shard ? tilesOfShard(grid, shard) : tilesOf(grid);
  const source = single(edge) ? wholeSource(kernel, x, y) : blockSource(kernel, x, y, grid, kept);
  try {
    return await writeMatrix(target, layout, identity, { tiles, shard: shard ?? null }, source, rest);
  } finally {
    source.close?.();
  }
}

function checkOptions(path: unknown, options: MatrixToFileOptions) {
  rejectUnknownKeys(options, ['signal', 'onProgress', 'resume', 'memory', 'shard'], 'matrixToFile');
  if (typeof path !== 'string') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `matrixToFile: path must be a text, got ${describe(path)}`);
  }
  if (extname(path).toLowerCase() !== '.npy') {
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: unknown ending; matrixToFile writes .npy`);
  }
  const { memory, shard, resume } = options;
  if (resume !== undefined && typeof resume !== 'boolean') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `matrixToFile: resume must be true or false, got ${describe(resume)}`);
  }
  return {
    ...options,
    memory: memory === undefined ? defaultMemory() : parseMemory(memory),
    shard: shard === undefined ? undefined : parseShard(shard),
  };
}

/** Whether an earlier run cut the same matrix into tiles; its tiles are kept then. */
function fits(grid: Grid | undefined, { rows, columns, symmetric }: Omit<Grid, 'edge'>): grid is Grid {
  return grid?.rows === rows && grid.columns === columns && grid.symmetric === symmetric;
}

/** A matrix that is a single tile: few samples may be laid out in another way than blocks of many. */
function wholeSource(kernel: TiledKernel, x: Matrix, y: Matrix | undefined): TileSource {
  return {
    compute(tile, out) {
      const job = kernel.start(x.data, tile.rows, y?.data ?? null, tile.columns, out);
      return finished(
        kernel,
        tile,
        out,
        translated(kernel, job, (error) => error),
      );
    },
  };
}

/** Tiles of encoded blocks; the lower index is always the left operand, as in the whole. */
function blockSource(
  kernel: TiledKernel,
  x: Matrix,
  y: Matrix | undefined,
  grid: Grid,
  capacity: number,
): TileSource & { close(): void } {
  const features = x.shape[1];
  const whole = Math.max(grid.rows, grid.columns);
  const engine: BlockEngine<unknown> = {
    encode({ side, first, count }) {
      const { data } = side === 'X' ? x : y!;
      const job = kernel.encode(data.subarray(first * features, (first + count) * features), count, whole);
      const place = ({ row }: BadSample) => ({ row: row + first, inY: side === 'Y' });
      return { ...translated(kernel, job, place), encoded: job.handle };
    },
    compute(rows, columns, tile, out) {
      const place = ({ row, inY }: BadSample) => ({ row: row + (inY ? tile.column : tile.row), inY: inY && !!y });
      return finished(kernel, tile, out, translated(kernel, kernel.block(rows, columns, out), place));
    },
    release: (encoded) => kernel.release(encoded),
  };
  return new BlockSource(engine, grid, capacity);
}

/** The engine knows only the samples that it was given: `place` tells where these are in X or Y. */
function translated(kernel: TiledKernel, job: NativeJob, place: (bad: BadSample) => BadSample): TileJob {
  const promise = job.promise.catch((error) => {
    if (typeof error.row === 'number') Object.assign(error, place(error));
    throw kernel.translate(error);
  });
  return { promise, cancel: () => job.cancel(), progress: () => job.progress() };
}

/** What the kernel does with a block when the engine is done with it. */
function finished({ finish, precision }: TiledKernel, tile: Tile, out: ArrayBuffer, job: TileJob): TileJob {
  if (!finish) return job;
  const { rows, columns } = tile;
  const Type = precision === 'float32' ? Float32Array : Float64Array;
  const block = (): Matrix => ({ data: new Type(out, 0, rows * columns), shape: [rows, columns] });
  const abort = new AbortController();
  return {
    promise: job.promise.then(() => finish(block(), tile, abort.signal)),
    cancel() {
      job.cancel();
      abort.abort();
    },
    progress: () => job.progress(),
  };
}
