import { extname, resolve } from 'node:path';
import { checkMemory } from '../engine/memory.js';
import { type NativeJob, type Scalars, simdInfo } from '../engine/native.js';
import type { Matrix, Precision } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { chooseEdge, type Grid, type Tile, tilesOf, tilesOfShard } from '../tiles/grid.js';
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
  const bytesFor = (edge: number) => {
    const [rows, columns] = [Math.min(edge, matrix.rows), Math.min(edge, matrix.columns)];
    const finishing = kernel.finish ? rows * columns * itemBytes : 0;
    return samples + kernel.sampleBytes(rows, columns) + writingBytes(rows, columns, BUFFERS, itemBytes) + finishing;
  };
  const earlier = resume ? (await readJournal(resolve(target)))?.header.identity.grid : undefined;
  const edge = fits(earlier, matrix) ? earlier.edge : chooseEdge(matrix, shard?.count ?? 1, memory, bytesFor);
  if (bytesFor(edge) > memory) {
    throw new QrkdRangeError(
      'ERR_QRKD_MEMORY',
      `memory: the tiles of ${journalOf(target)} need ${bytesFor(edge)} bytes, got ${memory}; give more, or start anew with resume: false (--no-resume)`,
    );
  }
  checkMemory(bytesFor(edge), `${kernel.name} of ${matrix.rows} x ${matrix.columns} samples in tiles of ${edge}`);
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
  return writeMatrix(target, layout, identity, { tiles, shard: shard ?? null }, sourceOf(kernel, x, y), rest);
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

/** Every tile as a small matrix of its own: the lower index is always the left operand, as in the whole. */
function sourceOf(kernel: TiledKernel, x: Matrix, y: Matrix | undefined): TileSource {
  const features = x.shape[1];
  const rowsOf = ({ data }: Matrix, first: number, count: number) =>
    data.subarray(first * features, (first + count) * features);
  return {
    compute(tile: Tile, out: ArrayBuffer): TileJob {
      const { row, column, rows, columns } = tile;
      const left = rowsOf(x, row, rows);
      const right = !y && row === column ? null : rowsOf(y ?? x, column, columns);
      const job = kernel.start(left, rows, right, columns, out);
      const promise = job.promise.catch((error) => {
        // The engine knows the tile's samples only.
        if (typeof error.row === 'number') error.row += error.inY ? column : row;
        error.inY &&= y !== undefined;
        throw kernel.translate(error);
      });
      const { finish } = kernel;
      if (!finish) return { promise, cancel: () => job.cancel(), progress: () => job.progress() };
      const block = (): Matrix => ({
        data: (kernel.precision === 'float32' ? new Float32Array(out) : new Float64Array(out)).subarray(
          0,
          rows * columns,
        ),
        shape: [rows, columns],
      });
      const abort = new AbortController();
      const cancel = () => {
        job.cancel();
        abort.abort();
      };
      return {
        promise: promise.then(() => finish(block(), tile, abort.signal)),
        cancel,
        progress: () => job.progress(),
      };
    },
  };
}
