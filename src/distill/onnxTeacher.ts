import { createHash } from 'node:crypto';
import type { Matrix } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { type Tap, tokenReader } from '../models/taps.js';
import { readModel } from '../onnx/read.js';
import type { FloatTensor } from '../onnx/runtime.js';
import { type GraphProto, withOutputs } from '../onnx/schema.js';
import { OnnxSession } from '../onnx/session.js';
import { startProgress } from '../progress.js';
import { IMAGE_LAYOUTS, type ImageLayout, inputOf, type Normalization, OnnxInput } from './onnxInput.js';
import type { Inputs, Teacher, TeacherOutputs } from './teacher.js';

export interface OnnxTeacherOptions {
  /**
   * Names of the tensors in the file's graph whose values are features; they need not be outputs of it. The first is what
   * `distill` takes unless its `featurePairs` name others of them.
   */
  features?: string | readonly string[];
  /** Name of the logits' tensor; default: the graph's output, where it has only one that is not among the features. */
  logits?: string;
  /** How images lie in the file's input; default: what fits its shape, and an error where both do. */
  layout?: ImageLayout;
  /** What the teacher was trained to see: (x - mean) / deviation for every channel; default: images as they are. */
  normalize?: Normalization;
  /** Threads of the runtime, default 1. */
  threads?: number;
  /** Samples a call of the runtime, default 256; files for a fixed number of samples take that. */
  batchSize?: number;
  /** Shows a progress bar on stderr for sets of more than one batch. */
  progress?: boolean;
}

const KEYS: readonly (keyof OnnxTeacherOptions)[] = [
  'features',
  'logits',
  'layout',
  'normalize',
  'threads',
  'batchSize',
  'progress',
];

/** Names that an error lists at most. */
const LISTED = 30;

/** A teacher in an ONNX file: made by {@link onnxTeacher}. */
export class OnnxTeacher implements Teacher {
  constructor(
    readonly identity: string,
    private readonly path: string,
    private readonly session: OnnxSession,
    private readonly input: OnnxInput,
    private readonly names: { logits: string | undefined; features: readonly string[] },
    private readonly options: { batchSize: number; progress: boolean },
  ) {}

  get featureLayer(): string | undefined {
    return this.names.features[0];
  }

  async outputs(samples: Inputs, taps: readonly Tap[], signal?: AbortSignal): Promise<TeacherOutputs> {
    for (const tap of taps) this.#check(tap);
    const { logits } = this.names;
    const [n] = samples.shape;
    const { batchSize: asked, progress } = this.options;
    const batchSize = this.input.fixedBatch ?? asked;
    const bar = progress && n > batchSize ? startProgress('teacher', n, { unit: 'samples' }) : undefined;
    try {
      const wanted = [...new Set([...(logits === undefined ? [] : [logits]), ...taps.map(({ layer }) => layer)])];
      const feed = (start: number, end: number) => ({ [this.input.name]: this.input.tensorOf(samples, start, end) });
      const found = await this.session.run(n, feed, wanted, {
        batchSize,
        signal,
        onProgress: (done) => bar?.update(done),
      });
      const matrix = (name: string, pooling: Tap['pooling']) =>
        pooled(found[name], pooling, n, `${this.path}: ${name}`);
      return {
        ...(logits !== undefined && { logits: matrix(logits, 'none') }),
        features: taps.map(({ layer, pooling }) => matrix(layer, pooling)),
      };
    } finally {
      bar?.stop();
    }
  }

  #check(tap: Tap): void {
    const { layer, activation } = tap;
    const { features } = this.names;
    if (!features.includes(layer)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${this.path}: "${layer}" is none of the teacher's features${features.length > 0 ? ` (${features.join(', ')})` : ''}; name it in onnxTeacher's features`,
      );
    }
    if (activation === 'before') {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${this.path}: a tensor of an ONNX file has no activation to stand before; name the tensor that goes into it in place of "${layer}"`,
      );
    }
    if (tokenReader(tap)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${this.path}: pooling last, tokens and padToken are for models of tokens, and a teacher in an ONNX file reads images; pool "${layer}" by average or max`,
      );
    }
  }

  /** Ends the runtime's thread; a process that ends needs no call of it. */
  close(): void {
    this.session.close();
  }
}

/**
 * Opens an ONNX file as a teacher: it runs in onnxruntime-node on a thread of its own. `distill` calls it once over the training
 * set, or on every batch where batches are augmented.
 *
 * The file has one float32 input of images, [n, height, width, channels] or, as most exporters write it,
 * [n, channels, height, width]: images are transposed where the input's shape says so, and one line on stderr tells it unless
 * `layout` was given. Images of one channel also fit an input [n, pixels].
 * In files of {@link exportOnnx} a layer's activation is a tensor of its own: `features` is before the ReLU, `features/relu` behind it.
 * A tensor of maps can be pooled (`featurePairs`): over the last two axes, as ONNX has images, or over a sequence's length;
 * flattened, numbers stay in the file's order.
 *
 * @throws TypeError or RangeError: ERR_QRKD_FILE, ERR_QRKD_FORMAT for a file that is missing or refused by the runtime,
 *   ERR_QRKD_VALUE for a tensor that it has not, naming those that it has.
 */
export async function onnxTeacher(path: string, options: OnnxTeacherOptions = {}): Promise<OnnxTeacher> {
  const where = 'onnxTeacher';
  rejectUnknownKeys(options, KEYS, where);
  const { threads = 1, batchSize = 256, progress = false, layout, normalize } = options;
  for (const [key, value] of Object.entries({ threads, batchSize })) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: ${key} must be a whole number of at least 1, got ${value}`);
  }
  if (layout !== undefined && !IMAGE_LAYOUTS.includes(layout)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: layout must be ${IMAGE_LAYOUTS.join(' or ')}, got ${describe(layout)}`,
    );
  }
  const { bytes, model } = readModel(path);
  const features = options.features === undefined ? [] : [options.features].flat();
  const logits = options.logits ?? onlyOutput(model.graph, features);
  for (const name of [...features, ...(logits === undefined ? [] : [logits])]) checkTensor(model.graph, name, path);
  const input = new OnnxInput(path, inputOf(model.graph, path), layout, normalize);
  const outputs = model.graph.output.map(({ name }) => name);
  const missing = [...new Set(features)].filter((name) => !outputs.includes(name));
  if (logits !== undefined && !outputs.includes(logits)) missing.push(logits);
  if (missing.length > 0 && model.graph.initializer.some(({ data_location }) => data_location === 1)) {
    throw new QrkdTypeError(
      'ERR_QRKD_UNSUPPORTED',
      `${path}: its weights lie in a file beside it; export it into one file, or with ${missing.join(', ')} among its outputs`,
    );
  }
  const { session } = await OnnxSession.open(path, {
    threads,
    ...(missing.length > 0 && { bytes: withOutputs(bytes, missing) }),
  });
  const identity = createHash('sha256')
    .update(bytes)
    .update(JSON.stringify([logits ?? null, layout ?? null, normalize ?? null]))
    .digest('hex');
  return new OnnxTeacher(identity, path, session, input, { logits, features }, { batchSize, progress });
}

function onlyOutput({ output }: GraphProto, features: readonly string[]): string | undefined {
  const others = output.filter(({ name }) => !features.includes(name));
  return others.length === 1 ? others[0].name : undefined;
}

function checkTensor({ input, node, output }: GraphProto, name: string, path: string): void {
  // Outputs first, then what is computed last: where features are.
  const computed = node.flatMap((one) => one.output).reverse();
  const known = [...new Set([...output.map((port) => port.name), ...computed, ...input.map((port) => port.name)])];
  if (known.includes(name)) return;
  const left = known.length - LISTED;
  throw new QrkdRangeError(
    'ERR_QRKD_VALUE',
    `onnxTeacher: ${path} has no tensor "${name}"; it has ${known.slice(0, LISTED).join(', ')}${left > 0 ? ` and ${left} more` : ''}`,
  );
}

/** Rows of a tensor's values, as they are or one number a channel; rows beyond `n` filled a batch up. */
function pooled({ data, shape }: FloatTensor, pooling: Tap['pooling'], n: number, what: string): Matrix<Float32Array> {
  const [rows, ...rest] = shape;
  if (rows < n) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${what} has shape [${shape.join(', ')}], not a row for each of ${n} samples`,
    );
  }
  const width = data.length / rows;
  if (pooling === 'none') return { data: data.subarray(0, n * width), shape: [n, width] };
  if (rest.length !== 2 && rest.length !== 3) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${what} has shape [${shape.join(', ')}], neither a map nor a sequence; pooling ${pooling} has nothing to pool over`,
    );
  }
  // Maps are [channels, y, x], sequences [length, channels].
  const channels = rest.length === 3 ? rest[0] : rest[1];
  const places = width / channels;
  const [perChannel, perPlace] = rest.length === 3 ? [places, 1] : [1, channels];
  const result = new Float32Array(n * channels);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < channels; c++) {
      let value = pooling === 'max' ? -Infinity : 0;
      for (let p = 0; p < places; p++) {
        const v = data[i * width + c * perChannel + p * perPlace];
        value = pooling === 'max' ? Math.max(value, v) : value + v / places;
      }
      result[i * channels + c] = value;
    }
  }
  return { data: result, shape: [n, channels] };
}
