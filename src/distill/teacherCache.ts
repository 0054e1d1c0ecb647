import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Matrix } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { writeMatrixFile } from '../files/index.js';
import { npyHeader } from '../files/npy.js';
import type { Tap } from '../models/taps.js';
import { startProgress } from '../progress.js';
import type { Augment } from './augment.js';
import { samplesIdentity } from './checkpoint.js';
import { rowsOf } from './outputs.js';
import { type SampleSet, sliceInputs } from './samples.js';
import type { Inference, Inputs, TeacherOutputs } from './teacher.js';
import { topLogits, wholeLogits } from './topLogits.js';

export interface TeacherCacheOptions {
  /** Made where it is missing; one folder may have outputs of many teachers, sets and layers. */
  folder: string;
  /** Logits of a token that are kept, the largest; the others become one number that leaves their share of the softmax. */
  topK: number;
}

/** What is kept, and how much of it is asked for at once. */
export interface TeacherCacheSetup extends TeacherCacheOptions {
  where: string;
  /** Of the teacher, weights included. */
  identity: string;
  train: SampleSet;
  taps: readonly Tap[];
  /** Of the vocabulary, where logits are wanted. */
  classes: number | undefined;
  /** Samples that the teacher is asked about at once. */
  atOnce: number;
  progress: boolean;
  signal: AbortSignal | undefined;
}

export function checkTeacherCache(
  options: TeacherCacheOptions,
  { augment }: { augment?: Augment },
  where: string,
): void {
  rejectUnknownKeys(options, ['folder', 'topK'], `${where}: teacherCache`);
  const { folder, topK } = options;
  if (typeof folder !== 'string' || folder === '') {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: teacherCache.folder must be a folder's path, got ${describe(folder)}`,
    );
  }
  if (!Number.isInteger(topK) || topK < 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: teacherCache.topK must be a whole number of at least 1, got ${describe(topK)}`,
    );
  }
  if (augment !== undefined) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: teacherCache does not go with augment, with which a teacher sees every batch anew; leave one of them out`,
    );
  }
}

/** Refuses more logits of a token than there are; `argument` names their number. */
export function checkCacheSize(topK: number, classes: number, argument: string): void {
  if (topK <= classes) return;
  throw new QrkdRangeError('ERR_QRKD_VALUE', `${argument} ${topK} is more than the vocabulary of ${classes}`);
}

/**
 * A teacher whose outputs on the training set are computed once and kept on disk: the largest logits of every token, and the
 * features of every tap. What another run has kept, or an earlier one that was stopped, is not computed again.
 *
 * @throws RangeError ERR_QRKD_VALUE for more logits than there are, ERR_QRKD_FILE where the disk has no room.
 */
export async function keptInference(inference: Inference, setup: TeacherCacheSetup): Promise<Inference> {
  const { where, train, classes, topK, taps } = setup;
  if (classes !== undefined) checkCacheSize(topK, classes, `${where}: teacherCache.topK`);
  const arrays = await filled(inference, setup);
  const [logits, features] = classes === undefined ? [undefined, arrays] : [arrays[0], arrays.slice(1)];
  const everyRow = Uint32Array.from({ length: train.shape[0] }, (_, i) => i);
  return {
    async outputs(samples, signal, rows): Promise<TeacherOutputs> {
      if (!rows) return inference.outputs(samples, signal);
      return {
        ...(logits && { logits: wholeLogits(rowsOf(logits.read(rows), 2 * topK + 1), classes!) }),
        features: features.map((array) => array.read(rows)),
      };
    },
    async features(samples, signal, count = taps.length) {
      if (samples.images !== train.images) return inference.features(samples, signal, count);
      return features.slice(0, count).map((array) => array.read(everyRow));
    },
    dispose: () => inference.dispose(),
  };
}

/** The arrays with nothing missing: logits, where they are wanted, and the features of every tap. */
async function filled(inference: Inference, setup: TeacherCacheSetup): Promise<ShardedArray[]> {
  const { where, identity, train, taps, classes, topK, folder, progress, signal } = setup;
  const [n, length] = train.shape;
  const set = samplesIdentity(train);
  const names = [
    ...(classes === undefined ? [] : [`logits-${hash([identity, set, topK])}`]),
    ...taps.map((tap) => `features-${hash([identity, set, tap])}`),
  ];
  const pieceOf = (start: number, end: number) => outputsOf(inference, sliceInputs(train, start, end), setup);
  // The first samples tell how many numbers there are.
  const widths = (await pieceOf(0, 1)).map(({ shape }) => shape[1]);
  const arrays = names.map((name, a) => new ShardedArray(join(folder, name), n, widths[a]));
  const shards = Array.from({ length: Math.ceil(n / SHARD) }, (_, s) => s);
  const wanting = shards.map((s) => arrays.filter((array) => !array.has(s)));
  const bytes = wanting.flatMap((missing, s) => missing.map((array) => array.bytes(s))).reduce((sum, b) => sum + b, 0);
  if (bytes === 0) return arrays;
  mkdirSync(folder, { recursive: true });
  await checkRoom(folder, bytes, where);
  const contents = [
    ...(classes === undefined ? [] : [`${topK} of ${classes} logits a token`]),
    ...taps.map(({ layer, pooling }) => `${pooling === 'none' ? 'values' : pooling} of ${layer}`),
  ];
  process.stderr.write(
    `qrkd: ${where}: keeps outputs of the teacher in ${folder}: ${megabytes(bytes)} (${n} sequences of ${length} tokens, ${contents.join(', ')})\n`,
  );
  const bar = progress ? startProgress('teacher', n, { unit: 'sequences' }) : undefined;
  for (const s of shards) {
    const end = Math.min(n, (s + 1) * SHARD);
    // Another run may have been faster in the meantime.
    const missing = arrays.filter((array) => !array.has(s));
    if (missing.length > 0) {
      const pieces: Matrix[][] = [];
      for (let start = s * SHARD; start < end; start += setup.atOnce) {
        signal?.throwIfAborted();
        pieces.push(await pieceOf(start, Math.min(end, start + setup.atOnce)));
      }
      for (const array of missing) {
        const a = arrays.indexOf(array);
        await array.write(
          s,
          pieces.map((piece) => piece[a].data),
        );
      }
    }
    bar?.update(end);
  }
  bar?.stop();
  return arrays;
}

/** What is kept of some samples, a row for each. */
async function outputsOf(
  inference: Inference,
  inputs: Inputs,
  { where, classes, topK, signal }: TeacherCacheSetup,
): Promise<Matrix[]> {
  const { logits, features } = await inference.outputs(inputs, signal);
  if (classes === undefined) return [...features];
  if (!logits) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: the term "kd" needs the teacher's logits, and it gives none`);
  }
  const { data } = topLogits(rowsOf(logits, classes), topK);
  const [n] = inputs.shape;
  return [{ data, shape: [n, data.length / n] }, ...features];
}

const hash = (identity: unknown): string =>
  createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16);

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

async function checkRoom(folder: string, bytes: number, where: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize > bytes) return;
  throw new QrkdRangeError(
    'ERR_QRKD_FILE',
    `${where}: teacherCache.folder ${folder} needs ${megabytes(bytes)} of disk space, ${megabytes(bavail * bsize)} are free; a smaller topK takes less`,
  );
}

/** Rows of a file: few files, and little to do again after a stop. */
const SHARD = 64;

/** A matrix of float32 in a folder of `.npy` files of {@link SHARD} rows, each written whole or not at all. */
class ShardedArray {
  constructor(
    private readonly folder: string,
    private readonly rows: number,
    private readonly width: number,
  ) {}

  #file(shard: number): string {
    return join(this.folder, `${String(shard).padStart(6, '0')}.npy`);
  }

  #header(shard: number): Buffer {
    return npyHeader('<f4', Math.min(SHARD, this.rows - shard * SHARD), this.width);
  }

  /** Of a shard's file. */
  bytes(shard: number): number {
    return this.#header(shard).length + 4 * this.width * Math.min(SHARD, this.rows - shard * SHARD);
  }

  has(shard: number): boolean {
    const file = this.#file(shard);
    return existsSync(file) && statSync(file).size === this.bytes(shard);
  }

  async write(shard: number, pieces: readonly Matrix['data'][]): Promise<void> {
    const data = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      data.set(piece, at);
      at += piece.length;
    }
    mkdirSync(this.folder, { recursive: true });
    await writeMatrixFile(this.#file(shard), { data, shape: [data.length / this.width, this.width] });
  }

  /** Some rows, in that order. */
  read(rows: Uint32Array): Matrix<Float32Array> {
    const out = new Float32Array(rows.length * this.width);
    const size = 4 * this.width;
    let open: { shard: number; handle: number } | undefined;
    try {
      for (const [i, row] of rows.entries()) {
        const shard = Math.floor(row / SHARD);
        if (open?.shard !== shard) {
          if (open) closeSync(open.handle);
          open = undefined;
          open = { shard, handle: openSync(this.#file(shard), 'r') };
        }
        const into = new Uint8Array(out.buffer, i * size, size);
        const position = this.#header(shard).length + (row % SHARD) * size;
        if (readSync(open.handle, into, 0, size, position) !== size) {
          throw new QrkdRangeError(
            'ERR_QRKD_FORMAT',
            `${this.#file(shard)}: is shorter than it was when the run began; delete it, and it is made anew`,
          );
        }
      }
    } finally {
      if (open) closeSync(open.handle);
    }
    return { data: out, shape: [rows.length, this.width] };
  }
}
