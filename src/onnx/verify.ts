import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import seedrandom from 'seedrandom';
import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { type OnnxPort, readOnnx } from './read.js';
import { type FloatTensor, type InputTensor, runOnnx } from './runtime.js';

export interface VerifyOptions {
  /** Real inputs beside the random ones, one tensor for each input of the model (or the tensor itself, if there is one). */
  readonly inputs?: InputTensor | readonly InputTensor[];
  /** Classes of the real inputs: the report then has both accuracies. Needs one output `[n, classes]`. */
  readonly labels?: ArrayLike<number>;
  /** Random samples, uniform in 0..1, default 64; of tokens, as long as the model's longest sequence, default 4. */
  readonly samples?: number;
  /** Seed of the random samples, default 0. */
  readonly seed?: number;
  /** Largest absolute difference that passes, default 1e-4. */
  readonly tolerance?: number;
  /** Threads of onnxruntime, default 1. */
  readonly threads?: number;
}

/** Both runtimes on the same inputs. */
export interface Comparison {
  readonly samples: number;
  /** Largest absolute difference over all outputs. */
  readonly maxDifference: number;
  /** Share of rows (along the last axis) whose largest entry is the same one. */
  readonly argmaxAgreement: number;
  /** Share of labels met, and how many, where labels were given. */
  readonly accuracy?: {
    readonly onnx: number;
    readonly tfjs: number;
    readonly onnxCorrect: number;
    readonly tfjsCorrect: number;
  };
}

export interface VerifyReport {
  readonly path: string;
  /** For example `onnxruntime 1.23.0`. */
  readonly runtime: string;
  readonly tolerance: number;
  /** True when no output differs by more than the tolerance and both models pick the same class everywhere. */
  readonly ok: boolean;
  /** The larger one of both comparisons. */
  readonly maxDifference: number;
  readonly random: Comparison;
  readonly real?: Comparison;
}

/**
 * Runs an ONNX file in onnxruntime-node and the tfjs model that it came from on the same random (and real) inputs.
 * A difference is a finding, not an error: look at `ok`.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` / `ERR_QRKD_FORMAT` for a bad file, `ERR_QRKD_SHAPE` where file, model and
 * inputs do not fit together.
 */
export async function verifyOnnx(path: string, model: LayersModel, options: VerifyOptions = {}): Promise<VerifyReport> {
  rejectUnknownKeys(options, ['inputs', 'labels', 'samples', 'seed', 'tolerance', 'threads'], 'verifyOnnx');
  const vocabulary = tokensOf(model);
  const { samples = vocabulary === undefined ? 64 : 4, seed = 0, tolerance = 1e-4, threads = 1 } = options;
  if (!Number.isInteger(samples) || samples < 1) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `verifyOnnx: samples is ${samples}; expected a positive integer`);
  }
  if (options.labels && !options.inputs) {
    throw new QrkdTypeError('ERR_QRKD_VALUE', 'verifyOnnx: labels are given without the inputs that they belong to');
  }
  const { inputs: ports } = readOnnx(path);
  checkPorts(path, ports, model);
  const inputs = vocabulary ? [randomTokens(vocabulary, samples, seed)] : randomInputs(ports, samples, seed);
  const random = await compare(path, model, inputs, threads);
  const real = options.inputs && (await compare(path, model, asList(options.inputs, ports), threads, options.labels));
  const all = real ? [random.comparison, real.comparison] : [random.comparison];
  const maxDifference = Math.max(...all.map((c) => c.maxDifference));
  return {
    path,
    runtime: random.runtime,
    tolerance,
    // NaN compares false, so that a model gone wrong does not pass.
    ok: maxDifference <= tolerance && all.every((c) => c.argmaxAgreement === 1),
    maxDifference,
    random: random.comparison,
    ...(real && { real: real.comparison }),
  };
}

async function compare(
  path: string,
  model: LayersModel,
  inputs: readonly InputTensor[],
  threads: number,
  labels?: ArrayLike<number>,
): Promise<{ comparison: Comparison; runtime: string }> {
  const names = readOnnx(path).inputs.map((port) => port.name);
  const feeds = Object.fromEntries(names.map((name, i) => [name, inputs[i]]));
  const { outputs, runtimeVersion } = await runOnnx(path, feeds, { threads });
  const actual = Object.values(outputs);
  const expected = await predict(model, inputs);
  if (actual.length !== expected.length || actual.some((a, i) => String(a.shape) !== String(expected[i].shape))) {
    const shapes = [actual, expected].map((list) => list.map((t) => `[${t.shape.join(', ')}]`).join(' '));
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `${path}: outputs are ${shapes[0]}, the model's ${shapes[1]}`);
  }
  const winners = { onnx: actual.map(argmax), tfjs: expected.map(argmax) };
  const comparison: Comparison = {
    samples: inputs[0].shape[0],
    maxDifference: Math.max(...actual.map((a, i) => largestDifference(a.data, expected[i].data))),
    argmaxAgreement: agreement(winners.onnx.flat(), winners.tfjs.flat()),
    ...(labels && { accuracy: accuracy(winners, labels) }),
  };
  return { comparison, runtime: `onnxruntime ${runtimeVersion}` };
}

/** tfjs's outputs. Its backend is loaded only here: exporting and reading files need none. */
async function predict(model: LayersModel, inputs: readonly InputTensor[]): Promise<FloatTensor[]> {
  const { ready, tf } = await import('../tensor/backend.js');
  await ready();
  const tensors = inputs.map(({ data, shape }) =>
    tf.tensor(data, [...shape], data instanceof Int32Array ? 'int32' : 'float32'),
  );
  const outputs = [model.predict(tensors.length === 1 ? tensors[0] : tensors, { batchSize: 256 })].flat() as Tensor[];
  const results = outputs.map((tensor) => ({ data: tensor.dataSync() as Float32Array, shape: tensor.shape }));
  tf.dispose([...tensors, ...outputs]);
  return results;
}

function checkPorts(path: string, ports: readonly OnnxPort[], model: LayersModel): void {
  const expected = model.inputs.map((input) => input.shape);
  const fits =
    ports.length === expected.length &&
    ports.every(
      ({ shape }, i) =>
        shape.length === expected[i].length &&
        shape.every(
          (size, axis) => expected[i][axis] === null || typeof size === 'string' || size === expected[i][axis],
        ),
    );
  if (fits) return;
  const found = ports.map(({ shape }) => `[${shape.join(', ')}]`).join(' ');
  const wanted = expected.map((shape) => `[${shape.map((size) => size ?? 'any').join(', ')}]`).join(' ');
  throw new QrkdRangeError('ERR_QRKD_SHAPE', `${path}: inputs are ${found}, the model's ${wanted}`);
}

/** What a model of tokens knows: how many there are, and how many it takes at once. */
interface Tokens {
  readonly vocabulary: number;
  readonly positions: number;
}

/** Undefined for a model that takes no tokens. */
function tokensOf({ layers }: LayersModel): Tokens | undefined {
  const find = (className: string) => layers.find((layer) => layer.getClassName() === className)?.getConfig();
  const [token, position] = [find('TokenEmbedding'), find('PositionEmbedding')];
  return token && position && { vocabulary: token.vocabulary as number, positions: position.positions as number };
}

function randomTokens({ vocabulary, positions }: Tokens, samples: number, seed: number): InputTensor {
  const uniform = seedrandom(String(seed));
  const length = samples * positions;
  return {
    data: Int32Array.from({ length }, () => Math.floor(uniform() * vocabulary)),
    shape: [samples, positions],
  };
}

function randomInputs(ports: readonly OnnxPort[], samples: number, seed: number): FloatTensor[] {
  const uniform = seedrandom(String(seed));
  return ports.map((port) => {
    const shape = port.shape.map((size, axis) => (axis === 0 ? samples : size));
    const open = shape.find((size) => typeof size === 'string');
    if (open !== undefined) {
      const message = `verifyOnnx: input "${port.name}" has an open size (${open}) besides the batch; random samples need fixed ones`;
      throw new QrkdRangeError('ERR_QRKD_SHAPE', message);
    }
    const sizes = shape as number[];
    const length = sizes.reduce((product, size) => product * size, 1);
    return { data: Float32Array.from({ length }, () => uniform()), shape: sizes };
  });
}

function asList(inputs: InputTensor | readonly InputTensor[], ports: readonly OnnxPort[]): readonly InputTensor[] {
  const list = Array.isArray(inputs) ? (inputs as readonly InputTensor[]) : [inputs as InputTensor];
  if (
    list.length !== ports.length ||
    list.some(({ data, shape }) => !(data instanceof Float32Array || data instanceof Int32Array) || !shape?.length)
  ) {
    const message = `verifyOnnx: inputs must be ${ports.length} of { data: Float32Array or Int32Array, shape }`;
    throw new QrkdTypeError('ERR_QRKD_TYPE', message);
  }
  return list;
}

/** Index of the largest entry of each row along the last axis. */
function argmax({ data, shape }: FloatTensor): number[] {
  const width = shape[shape.length - 1];
  return Array.from({ length: data.length / width }, (_, row) => {
    let best = 0;
    for (let i = 1; i < width; i++) if (data[row * width + i] > data[row * width + best]) best = i;
    return best;
  });
}

function agreement(a: readonly number[], b: readonly number[]): number {
  return a.filter((winner, row) => winner === b[row]).length / a.length;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (Number.isNaN(difference)) return difference;
    worst = Math.max(worst, difference);
  }
  return worst;
}

function accuracy(winners: { onnx: number[][]; tfjs: number[][] }, labels: ArrayLike<number>): Comparison['accuracy'] {
  const [onnx] = winners.onnx;
  const [tfjs] = winners.tfjs;
  if (labels.length !== onnx.length) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `verifyOnnx: ${labels.length} labels for ${onnx.length} rows`);
  }
  const correct = (rows: number[]) => rows.filter((winner, row) => winner === labels[row]).length;
  const [onnxCorrect, tfjsCorrect] = [correct(onnx), correct(tfjs)];
  return { onnx: onnxCorrect / labels.length, tfjs: tfjsCorrect / labels.length, onnxCorrect, tfjsCorrect };
}
