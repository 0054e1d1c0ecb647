import { Worker } from 'node:worker_threads';
import { QrkdRangeError } from '../errors.js';
import { type OnnxPort, readOnnx } from './read.js';

/** A float tensor outside any framework, row-major. */
export interface FloatTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export interface RunOptions {
  /** Threads within one operator, default 1. */
  readonly threads?: number;
  /** Samples a call of the runtime, default 256. */
  readonly batchSize?: number;
}

/** What goes to the worker and comes back; plain data only. */
export interface RunRequest {
  readonly path: string;
  readonly inputs: Record<string, FloatTensor>;
  readonly outputs: readonly string[];
  readonly threads: number;
  readonly batchSize: number;
}
export type RunReply = { outputs: Record<string, FloatTensor>; version: string } | { problem: string };

/**
 * Runs an ONNX file in onnxruntime-node on a worker thread (its `run` blocks the event loop), in batches along the first
 * axis. Inputs and outputs are named as in the file.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` / `ERR_QRKD_FORMAT` for a file that is missing, truncated or refused by the
 * runtime; `ERR_QRKD_SHAPE` for inputs that are not the file's.
 */
export async function runOnnx(
  path: string,
  inputs: Readonly<Record<string, FloatTensor>>,
  { threads = 1, batchSize = 256 }: RunOptions = {},
): Promise<{ outputs: Record<string, FloatTensor>; runtimeVersion: string }> {
  const summary = readOnnx(path);
  checkFeeds(path, summary.inputs, inputs);
  const outputs = summary.outputs.map((output) => output.name);
  const reply = await inWorker({ path, inputs, outputs, threads, batchSize });
  if ('problem' in reply) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: refused by onnxruntime (${reply.problem})`);
  }
  return { outputs: reply.outputs, runtimeVersion: reply.version };
}

function checkFeeds(path: string, ports: readonly OnnxPort[], inputs: Readonly<Record<string, FloatTensor>>): void {
  const samples = Object.values(inputs)[0]?.shape[0];
  for (const { name, shape } of ports) {
    const given = inputs[name];
    const fits =
      given?.shape.length === shape.length && shape.every((s, i) => typeof s === 'string' || s === given.shape[i]);
    if (!fits) {
      const found = given ? `[${given.shape.join(', ')}]` : 'missing';
      throw new QrkdRangeError(
        'ERR_QRKD_SHAPE',
        `${path}: input "${name}" is ${found}, expected [${shape.join(', ')}]`,
      );
    }
    const length = given.shape.reduce((product, size) => product * size, 1);
    if (given.data.length !== length || length === 0 || given.shape[0] !== samples) {
      const found = `${given.data.length} numbers for [${given.shape.join(', ')}]`;
      const message = `${path}: input "${name}" has ${found}; expected as many as the shape says, above 0, ${samples} rows`;
      throw new QrkdRangeError('ERR_QRKD_SHAPE', message);
    }
  }
}

function inWorker(request: RunRequest): Promise<RunReply> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./runtimeWorker.js', import.meta.url), { workerData: request });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`onnxruntime's worker ended with code ${code} before it answered`)));
  });
}
