import type { Optimizer, Scalar, Tensor1D, Tensor2D, Variable } from '@tensorflow/tfjs-core';
import seedrandom from 'seedrandom';
import { type Labels, targetMatrix } from '../analysis/alignment.js';
import { readMatrix } from '../engine/input.js';
import { takeRows } from '../engine/rows.js';
import type { Gradient, Kernel, Matrix, MatrixLike } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { alignmentGradient } from '../losses/alignment.js';
import { gradientTensor, matrixOf } from '../losses/tensors.js';
import { startProgress } from '../progress.js';
import { ready, tf } from '../tensor/backend.js';
import { type OptimizerConfig, type OptimizerName, readOptimizer } from './optimizer.js';
import { epochBatches } from './samples.js';
import { TfjsOptimizer } from './tfjsOptimizer.js';

export type KernelObjective = 'alignment' | 'centered-alignment';

export interface TrainKernelOptions {
  /** One for each sample: a class, by number or name, for an alignment; numbers for a loss of one's own. */
  labels?: Labels;
  /**
   * To be maximised; default 'centered-alignment'. Both are with {@link targetMatrix}, classes weighted by their size as
   * there. Not together with `loss`.
   */
  objective?: KernelObjective;
  /** To be minimised in place of an alignment: made of tfjs ops, from the batch's matrix [B, B] and its labels [B], if any. */
  loss?: (K: Tensor2D, labels: Tensor1D | undefined) => Scalar;
  /** A name ('adam' by default), a configuration, or an optimizer of tfjs's. */
  optimizer?: OptimizerName | OptimizerConfig | Optimizer;
  /** For an optimizer that does not come with its own; default 0.05. */
  learningRate?: number;
  /** Default 50. */
  epochs?: number;
  /** Default: all samples. The rest of an epoch that does not fill a batch is dropped; the next is shuffled anew. */
  batchSize?: number;
  /** Of the shuffling, and of a random start; default 0. */
  seed?: number | string;
  /**
   * 'current': from `kernel.parameters`. 'random': uniform in [0, 2 pi), a map's `initialParameters(seed)`. Default: current, but random where all
   * parameters are 0, as those of a new kernel are, since gradients may vanish there.
   */
  start?: 'current' | 'random';
  /** Stops between two steps; the promise rejects with signal.reason, the kernel keeps the best parameters so far. */
  signal?: AbortSignal;
  /** Shows a progress bar with the time left on stderr (where that is no terminal, a line every two seconds). */
  progress?: boolean;
  /** Before the first epoch (epoch 0) and after each. */
  onEpoch?: (metrics: KernelEpoch) => void;
}

export interface KernelEpoch {
  /** 0 is the start. */
  epoch: number;
  /** Objective or loss on all samples, with the parameters at the end of the epoch. */
  value: number;
  seconds: number;
}

export interface TrainKernelResult {
  /** `epochs + 1` entries, the start first. */
  history: KernelEpoch[];
  /** The epoch with the highest objective (lowest loss), whose parameters the kernel now has. */
  best: KernelEpoch;
  /** A copy of those parameters. */
  parameters: Float64Array;
}

const KEYS: readonly (keyof TrainKernelOptions)[] = [
  'labels',
  'objective',
  'loss',
  'optimizer',
  'learningRate',
  'epochs',
  'batchSize',
  'seed',
  'start',
  'signal',
  'progress',
  'onEpoch',
];

/** The objective of some samples, and the derivative of what is descended (its negative, if it is to grow) by their matrix. */
interface Evaluation {
  value: number;
  dK: Matrix;
}
/** @param rows of the whole set that K is of; left out for all of them. */
type Objective = (K: Matrix, rows?: Uint32Array) => Evaluation;

function lossObjective(loss: NonNullable<TrainKernelOptions['loss']>, labels: Labels | undefined): Objective {
  const numbers = labels && Float32Array.from(labels as ArrayLike<number>);
  return (K, rows) => {
    const { value, grad } = tf.tidy(() => {
      const target = numbers && tf.tensor1d(rows ? Float32Array.from(rows, (i) => numbers[i]) : numbers);
      return tf.valueAndGrad((k) => loss(k as Tensor2D, target))(gradientTensor(K));
    });
    const evaluation = { value: value.dataSync()[0], dK: matrixOf(grad, 'trainKernel: gradient of the loss') };
    tf.dispose([value, grad]);
    return evaluation;
  };
}

function alignmentObjective(objective: KernelObjective, labels: Labels): Objective {
  const target = targetMatrix(labels);
  const n = labels.length;
  // The weights of a batch are those of the whole set: the batch may lack a class.
  const part = (rows: Uint32Array): Matrix => ({
    data: Float64Array.from({ length: rows.length ** 2 }, (_, k) => {
      return target.data[rows[Math.floor(k / rows.length)] * n + rows[k % rows.length]];
    }),
    shape: [rows.length, rows.length],
  });
  return (K, rows) => {
    const { value, gradient } = alignmentGradient(K, rows ? part(rows) : target, objective === 'centered-alignment');
    for (let k = 0; k < gradient.data.length; k++) gradient.data[k] *= -1;
    return { value, dK: gradient };
  };
}

function checkArguments(
  kernel: Kernel,
  n: number,
  { labels, loss, objective, start, epochs, batchSize }: TrainKernelOptions,
): void {
  const refuse = (what: string): never => {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `trainKernel: ${what}`);
  };
  if (!kernel.parameters?.length) refuse('the kernel has no trainable parameters');
  if (labels !== undefined && labels.length !== n) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `trainKernel: labels has ${labels.length} entries, X has ${n} rows`);
  }
  if (loss !== undefined && typeof loss !== 'function') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `trainKernel: loss must be a function, got ${describe(loss)}`);
  }
  const objectives: unknown[] = [undefined, 'alignment', 'centered-alignment'];
  if (!objectives.includes(objective)) {
    refuse(`objective must be alignment or centered-alignment, got ${describe(objective)}`);
  }
  if (!loss && labels === undefined) refuse('an alignment needs labels; give them, or a loss');
  if (loss && labels && Array.from<unknown>(labels).some((label) => typeof label !== 'number')) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', 'trainKernel: labels must be numbers where a loss is given');
  }
  if (loss && objective) refuse('give an objective to maximise or a loss to minimise, not both');
  if (start !== undefined && start !== 'current' && start !== 'random') {
    refuse(`start must be current or random, got ${describe(start)}`);
  }
  if (epochs !== undefined && !(Number.isInteger(epochs) && epochs > 0)) {
    refuse(`epochs must be a whole number of at least 1, got ${describe(epochs)}`);
  }
  if (batchSize !== undefined && !(Number.isInteger(batchSize) && batchSize > 0 && batchSize <= n)) {
    refuse(`batchSize must be a whole number from 1 to the ${n} samples, got ${describe(batchSize)}`);
  }
}

/** Parameters of a kernel in the hands of an optimizer, which keeps them as float32. */
class Descent {
  readonly #variable: Variable;
  readonly #optimizer: TfjsOptimizer;
  #steps = 0;

  constructor(
    readonly kernel: Kernel,
    { optimizer = 'adam', learningRate = 0.05 }: TrainKernelOptions,
    steps: number,
  ) {
    const made = readOptimizer(optimizer, learningRate, 'trainKernel');
    this.#variable = tf.tidy(() => tf.variable(tf.tensor1d(Float32Array.from(kernel.parameters!))));
    this.#optimizer = new TfjsOptimizer(made, [this.#variable], steps);
    this.#read();
  }

  step({ dparameters }: Gradient): void {
    if (!dparameters.every(Number.isFinite)) {
      throw new QrkdRangeError('ERR_QRKD_NAN_LOSS', 'trainKernel: the gradient of the parameters is not finite');
    }
    tf.tidy(() => {
      this.#optimizer.apply({ [this.#variable.name]: tf.tensor1d(Float32Array.from(dparameters)) }, this.#steps++);
    });
    this.#read();
  }

  #read(): void {
    this.kernel.parameters!.set(this.#variable.dataSync());
  }

  dispose(): void {
    this.#variable.dispose();
    this.#optimizer.dispose();
  }
}

/**
 * Trains a kernel's parameters: maximises its alignment with the labels, or minimises a loss of one's own.
 *
 * Every step takes the batch's matrix and its exact gradient from the engine. The objective is measured on all samples
 * before the first epoch and after each, and the parameters of the best one are kept.
 *
 * @param kernel with trainable parameters; they are set in place.
 * @param X [N, f]
 * @throws TypeError or RangeError naming the option; RangeError ERR_QRKD_NAN_LOSS when the objective stops being finite.
 *   Aborting rejects with `signal.reason`.
 */
export async function trainKernel(
  kernel: Kernel,
  X: MatrixLike,
  options: TrainKernelOptions = {},
): Promise<TrainKernelResult> {
  rejectUnknownKeys(options, KEYS, 'trainKernel');
  if (typeof kernel?.forward !== 'function') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `trainKernel: kernel must be a kernel, got ${describe(kernel)}`);
  }
  const x = readMatrix(X, 'trainKernel: X');
  const n = x.shape[0];
  checkArguments(kernel, n, options);
  const { labels, loss, signal, seed = 0, epochs = 50, batchSize = n } = options;
  await ready();
  const objective = loss
    ? lossObjective(loss, labels)
    : alignmentObjective(options.objective ?? 'centered-alignment', labels!);
  const evaluate = (K: Matrix, epoch: number, rows?: Uint32Array): Evaluation => {
    const evaluation = objective(K, rows);
    if (Number.isFinite(evaluation.value)) return evaluation;
    throw new QrkdRangeError(
      'ERR_QRKD_NAN_LOSS',
      `trainKernel: the objective is ${evaluation.value} in epoch ${epoch}; a lower learning rate may help`,
    );
  };

  const parameters = kernel.parameters!;
  if ((options.start ?? (parameters.some((p) => p !== 0) ? 'current' : 'random')) === 'random') {
    const random = seedrandom(String(seed)); // as FeatureMap.initialParameters
    for (let k = 0; k < parameters.length; k++) parameters[k] = 2 * Math.PI * random();
  }
  const descent = new Descent(kernel, options, epochs * Math.floor(n / batchSize));
  const progress = options.progress ? startProgress('training the kernel', epochs, { unit: 'epochs' }) : undefined;
  const history: KernelEpoch[] = [];
  const kept = parameters.slice();
  let best: KernelEpoch | undefined;
  const begin = performance.now();
  const record = (epoch: number, value: number) => {
    const metrics = { epoch, value, seconds: (performance.now() - begin) / 1000 };
    history.push(metrics);
    if (!best || (loss ? value < best.value : value > best.value)) {
      best = metrics;
      kept.set(parameters);
    }
    options.onEpoch?.(metrics);
    progress?.update(epoch, `${loss ? 'loss' : 'alignment'} ${value.toPrecision(4)}`);
  };
  /** A step on some rows, or on all; `measured` hears the objective before it. */
  const step = async (epoch: number, rows?: Uint32Array, measured?: (value: number) => void) => {
    signal?.throwIfAborted();
    const pass = kernel.forward(rows ? takeRows(x, rows) : x);
    try {
      const { value, dK } = evaluate(pass.matrix, epoch, rows);
      measured?.(value);
      descent.step(pass.gradient(dK));
    } finally {
      pass.dispose();
    }
    // Steps are synchronous: without this neither a signal nor a progress bar would get a turn.
    await new Promise(setImmediate);
  };

  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      if (batchSize === n) {
        await step(epoch, undefined, (value) => record(epoch, value));
        continue;
      }
      record(epoch, evaluate(kernel.matrix(x), epoch).value);
      for (const rows of epochBatches(n, batchSize, seed, epoch + 1)) await step(epoch + 1, rows);
    }
    signal?.throwIfAborted();
    record(epochs, evaluate(kernel.matrix(x), epochs).value);
  } finally {
    parameters.set(kept);
    progress?.stop();
    descent.dispose();
  }
  return { history, best: best!, parameters: kept };
}
