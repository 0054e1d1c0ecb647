/** What the tests of large matrices share: kernels of every kind, a folder, and the bytes that are expected. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import {
  CosineKernel,
  FidelityKernel,
  featureMap,
  LinearKernel,
  MaternKernel,
  type MatrixLike,
  type MatrixToFileOptions,
  type Precision,
  ProjectedKernel,
  RbfKernel,
} from 'qrkd';
import { writeMatrixFile } from '#dist/files/index.js';
import type { NativeBackedKernel } from '#dist/kernels/NativeBackedKernel.js';
import { type Grid, type Tile, tilesOf } from '#dist/tiles/grid.js';
import { npyLayout } from '#dist/tiles/layout.js';

export const KERNELS: [string, (precision: Precision) => NativeBackedKernel][] = [
  ['zz', (precision) => new FidelityKernel(featureMap({ type: 'zz', features: 5, bandwidth: 0.4 }), { precision })],
  ['iqp', (precision) => new FidelityKernel(featureMap({ type: 'iqp', features: 5, repeats: 3 }), { precision })],
  ['angle', (precision) => new FidelityKernel(featureMap({ type: 'angle', features: 5 }), { precision })],
  ['amplitude', (precision) => new FidelityKernel(featureMap({ type: 'amplitude', features: 5 }), { precision })],
  [
    'projected',
    (precision) =>
      new ProjectedKernel(featureMap({ type: 'zz', features: 5, bandwidth: 0.4 }), {
        inner: 'rbf',
        gamma: 0.7,
        precision,
      }),
  ],
  [
    'shots',
    (precision) =>
      new FidelityKernel(featureMap({ type: 'zz', features: 5, bandwidth: 0.4 }), { precision, shots: 1000, seed: 7 }),
  ],
  ['RBF', (precision) => new RbfKernel({ gamma: 0.5, precision })],
  ['Matern', (precision) => new MaternKernel({ nu: 1.5, length: 2, precision })],
  ['linear', (precision) => new LinearKernel({ precision })],
  ['cosine', (precision) => new CosineKernel({ precision })],
];

/** A folder for the test file's output, removed at the end. */
export function temporaryFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'qrkd-tiles-'));
  after(() => rmSync(folder, { recursive: true }));
  return (name) => join(folder, name);
}

/** The file that `matrix()` and the ordinary writer make. */
export async function wholeFile(path: string, kernel: NativeBackedKernel, X: MatrixLike, Y?: MatrixLike) {
  await writeMatrixFile(path, kernel.matrix(X, Y));
  return readFileSync(path);
}

// Threads have work space, which counts: what fits must not depend on the machine.
process.env.QRKD_THREADS = '2';

/** Memory that cuts a matrix into tiles of a few dozen rows. */
export const LITTLE = 150_000;

/** Starts writing and makes the engine fail after some tiles; what was written by then stays for the next run. */
export async function stopAfter(
  tiles: number,
  kernel: NativeBackedKernel,
  path: string,
  X: MatrixLike,
  Y: MatrixLike | undefined,
  options: MatrixToFileOptions,
): Promise<void> {
  type Call = (...args: unknown[]) => unknown;
  const engine = kernel as unknown as { native(features: number): Record<string, Call> };
  const native = engine.native.bind(kernel);
  let calls = 0;
  const counted =
    (name: string): Call =>
    (...args) => {
      if (calls++ < tiles) return native(5)[name]!(...args);
      return { promise: Promise.reject(new Error('stopped here')), cancel() {}, progress: () => 0 };
    };
  engine.native = (features) => ({
    encodeAsync: (...args) => native(features).encodeAsync!(...args),
    release: (...args) => native(features).release!(...args),
    blockAsync: counted('blockAsync'),
    matrixAsync: counted('matrixAsync'),
  });
  // After the last tile the new name is what fails.
  if (tiles === Number.POSITIVE_INFINITY) mkdirSync(path);
  await assert.rejects(kernel.matrixToFile(path, X, Y, options), /stopped here|EISDIR/);
  if (tiles === Number.POSITIVE_INFINITY) rmdirSync(path);
}

/** The tiles of the matrix that a journal speaks of. */
export function tilesOfJournal(journal: string): { grid: Grid; tiles: Tile[] } {
  const { grid } = JSON.parse(journal.split('\n')[0]!).identity as { grid: Grid };
  return { grid, tiles: tilesOf(grid) };
}

/** A copy of a float64 `.npy` file in which everything that does not belong to the tiles is garbage. */
export function onlyTiles(file: Buffer, { grid, tiles }: { grid: Grid; tiles: Tile[] }, kept: number[]): Buffer {
  const { header } = npyLayout(grid, '<f8');
  const out = Buffer.alloc(file.length, 0xa5);
  file.copy(out, 0, 0, header.length);
  const copy = (row: number, column: number, rows: number, columns: number) => {
    for (let i = row; i < row + rows; i++) {
      const start = header.length + 8 * (i * grid.columns + column);
      file.copy(out, start, start, start + 8 * columns);
    }
  };
  for (const index of kept) {
    const { row, column, rows, columns } = tiles[index]!;
    copy(row, column, rows, columns);
    if (grid.symmetric) copy(column, row, columns, rows);
  }
  return out;
}
