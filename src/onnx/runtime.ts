import { QrkdRangeError } from '../errors.js';
import { type OnnxPort, readOnnx } from './read.js';
import { OnnxSession } from './session.js';

/** A float tensor outside any framework, row-major. */
export interface FloatTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** An input: numbers, or whole numbers (tokens) for an input of int64. */
export interface InputTensor {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

export interface RunOptions {
  /** Threads within one operator, default 1. */
  readonly threads?: number;
  /** Samples a call of the runtime, default 256. */
  readonly batchSize?: number;
}

/**
 * Runs an ONNX file in onnxruntime-node on a worker thread (its `run` blocks the event loop), in batches along the first
 * axis. Inputs and outputs are named as in the file.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` / `ERR_QRKD_FORMAT` for a file that is missing, truncated or refused by the
 * runtime; `ERR_QRKD_SHAPE` for inputs that are not the file's.
 */
export async function runOnnx(
  path: string,
  inputs: Readonly<Record<string, InputTensor>>,
  { threads = 1, batchSize = 256 }: RunOptions = {},
): Promise<{ outputs: Record<string, FloatTensor>; runtimeVersion: string }> {
  const summary = readOnnx(path);
  checkFeeds(path, summary.inputs, inputs);
  const outputs = summary.outputs.map((output) => output.name);
  const { session, version } = await OnnxSession.open(path, { threads });
  try {
    const samples = Object.values(inputs)[0].shape[0];
    const feed = (start: number, end: number) =>
      Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, rows(tensor, start, end)]));
    return { outputs: await session.run(samples, feed, outputs, { batchSize }), runtimeVersion: version };
  } finally {
    session.close();
  }
}

function rows({ data, shape }: InputTensor, start: number, end: number): InputTensor {
  const size = data.length / shape[0];
  return { data: data.slice(start * size, end * size), shape: [end - start, ...shape.slice(1)] };
}

function checkFeeds(path: string, ports: readonly OnnxPort[], inputs: Readonly<Record<string, InputTensor>>): void {
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
