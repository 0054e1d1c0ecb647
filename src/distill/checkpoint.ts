import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Scalars } from '../engine/native.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import type { EngineState } from './engine.js';
import type { EpochMetrics } from './meter.js';
import type { SampleSet } from './samples.js';

export interface CheckpointOptions {
  /** A JSON file; its folder is made where it is missing. */
  path: string;
  /** Written after every so many epochs, and after the last; default 1. */
  everyEpochs?: number;
}

/** How far a run has come. */
export interface Progress {
  /** Epochs that are finished. */
  epoch: number;
  history: EpochMetrics[];
  state: EngineState;
  /** Weights of the best epoch so far, where the run keeps them. */
  best?: Scalars[];
}

/** What a run's result depends on, as JSON; a checkpoint belongs to one of these. */
export type RunIdentity = Record<string, unknown>;

const FORMAT = 'qrkd training checkpoint';
const VERSION = 2;

/** An array of numbers in JSON. */
interface Packed {
  type: 'float32' | 'float64';
  /** Little-endian, base64. */
  data: string;
}

interface File {
  format: typeof FORMAT;
  version: number;
  run: RunIdentity;
  epoch: number;
  history: EpochMetrics[];
  weights: Packed[];
  optimizer: { steps: number; slots: Packed[] };
  best?: Packed[];
}

function pack(values: Scalars): Packed {
  const { buffer, byteOffset, byteLength } = values;
  const data = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  return { type: values instanceof Float32Array ? 'float32' : 'float64', data };
}

function unpack({ type, data }: Packed): Scalars {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64')).buffer;
  return type === 'float32' ? new Float32Array(bytes) : new Float64Array(bytes);
}

export function checkCheckpoint(options: CheckpointOptions, where: string): void {
  rejectUnknownKeys(options, ['path', 'everyEpochs'], `${where}: checkpoint`);
  const { path, everyEpochs = 1 } = options;
  if (typeof path !== 'string' || path === '') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: checkpoint.path must be a file's path, got ${describe(path)}`);
  }
  if (!Number.isInteger(everyEpochs) || everyEpochs < 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: checkpoint.everyEpochs must be a whole number of at least 1, got ${describe(everyEpochs)}`,
    );
  }
}

/** Reads and writes the file of one run. */
export class Checkpoint {
  constructor(
    private readonly options: CheckpointOptions,
    private readonly run: RunIdentity,
    private readonly where: string,
  ) {}

  /**
   * What an earlier run left, or undefined where there is no file.
   *
   * @throws RangeError ERR_QRKD_FORMAT for a file that is none of ours, ERR_QRKD_VALUE for one of another run, naming the
   *   first difference.
   */
  read(): Progress | undefined {
    const { path } = this.options;
    if (!existsSync(path)) return undefined;
    const file = parse(path, this.where);
    for (const key of new Set([...Object.keys(this.run), ...Object.keys(file.run)])) {
      const [there, here] = [file.run[key], this.run[key]].map((value) => JSON.stringify(value) ?? 'nothing');
      if (there === here) continue;
      const short = there.length + here.length < 80 ? ` (${there} there, ${here} here)` : '';
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${this.where}: the checkpoint ${path} is of another run: ${key} differs${short}; remove it to start anew`,
      );
    }
    const { epoch, history, weights, optimizer, best } = file;
    return {
      epoch,
      history,
      state: { weights: weights.map(unpack), optimizer: { ...optimizer, slots: optimizer.slots.map(unpack) } },
      ...(best && { best: best.map(unpack) }),
    };
  }

  /** Whether the file is to be written after this epoch. */
  isDue(epoch: number, isLast: boolean): boolean {
    return isLast || epoch % (this.options.everyEpochs ?? 1) === 0;
  }

  async write({ epoch, history, state, best }: Progress): Promise<void> {
    const { weights, optimizer } = state;
    const file: File = {
      format: FORMAT,
      version: VERSION,
      run: this.run,
      epoch,
      history,
      weights: weights.map(pack),
      optimizer: { steps: optimizer.steps, slots: optimizer.slots.map(pack) },
      ...(best && { best: best.map(pack) }),
    };
    const { path } = this.options;
    mkdirSync(dirname(path), { recursive: true });
    // Always the same name, so that what a killed run leaves is replaced by the next; on the disk before it has the real one.
    const partial = `${path}.partial`;
    const handle = await open(partial, 'w');
    try {
      await handle.writeFile(`${JSON.stringify(file)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
  }
}

function parse(path: string, where: string): File {
  let file: Partial<File> | null;
  try {
    file = JSON.parse(readFileSync(path, 'utf8')) as Partial<File> | null;
  } catch (error) {
    throw new QrkdRangeError(
      'ERR_QRKD_FORMAT',
      `${where}: the checkpoint ${path} cannot be read (${(error as Error).message.split('\n', 1)[0]})`,
    );
  }
  if (file?.format !== FORMAT || file.version !== VERSION || !file.weights || !file.optimizer?.slots || !file.run) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: ${path} is not a ${FORMAT} of version ${VERSION}`);
  }
  return file as File;
}

/** Identifies samples by their content. */
export function samplesIdentity({ images, labels, shape }: SampleSet): string {
  const hash = createHash('sha256').update(JSON.stringify(shape));
  for (const { buffer, byteOffset, byteLength } of [images, labels]) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/** Layers and shapes of weights, without names, which count up within a process. */
export function modelIdentity(model: LayersModel): string {
  const layers = model.layers.map((layer) => {
    const { name: _, ...config } = layer.getConfig();
    return [layer.getClassName(), config, layer.getWeights().map(({ shape }) => shape)];
  });
  // Initialisers are not part of what a layer computes; layers of nested models count among their weights.
  const text = JSON.stringify(layers, (key, value) => (/Initializer$|^(layers|name)$/.test(key) ? undefined : value));
  return createHash('sha256').update(text).digest('hex');
}

/** {@link modelIdentity} with the values of the weights. */
export function weightsIdentity(model: LayersModel): string {
  const hash = createHash('sha256').update(modelIdentity(model));
  for (const weight of model.getWeights()) hash.update(Float32Array.from(weight.dataSync()));
  return hash.digest('hex');
}
