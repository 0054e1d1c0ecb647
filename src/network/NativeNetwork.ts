import {
  type NativeData,
  type NativeJob,
  type NativeOptimizer,
  type NativePlan,
  type NativeTerm,
  native,
  type Scalars,
  STEP_METRICS,
} from '../engine/native.js';
import type { Matrix, Precision } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';
import type { GraphWeight } from '../models/layerGraph.js';
import { tf } from '../tensor/backend.js';
import type { CompiledNetwork } from './compile.js';

export interface NativeNetworkOptions {
  /** Of activations, weights and moments; default 'float32'. */
  precision?: Precision;
  /** Samples of the largest batch. */
  maxBatch: number;
  /** Everything on one thread instead of the engine's pool. */
  alone?: boolean;
  /** For training: what is minimised, and how. */
  terms?: NativeTerm[];
  optimizer?: NativeOptimizer;
}

/** Samples in memory: the network's inputs, and how many. */
export interface Images {
  readonly images: Float32Array;
  readonly count: number;
}

export interface TrainCall {
  data: NativeData;
  /** Rows of all batches, one after another. */
  order: Uint32Array;
  batchSize: number;
  /** Of every step. */
  learningRates: Float64Array;
  /** Steps taken before this call. */
  firstStep: number;
  signal?: AbortSignal;
  /** After every step, in order, a little later than the step itself. */
  onStep?: (metrics: NativeStep) => void;
}

/** What one step measured. */
export interface NativeStep {
  loss: number;
  correct: number;
  zeroVectors: number;
  /** Of all trained weights, before clipping. */
  gradientNorm: number;
  milliseconds: number;
  /** One for each term. */
  terms: { raw: number; gradientNorm: number }[];
}

export interface TokenEvaluation {
  counted: number;
  correct: number;
  crossEntropy: number;
}

/** A term, or its gradient, that is not finite; the weights are those of the step before. */
export class NotFiniteTerm extends Error {
  constructor(
    /** Within the call, from 0. */
    readonly step: number,
    readonly term: number,
    readonly raw: number,
    readonly gradientNorm: number,
  ) {
    super(`term ${term} is not finite at step ${step}`);
  }
}

const POLL_MS = 50;

/** Bytes of images that an evaluation copies at a time. */
const CHUNK_BYTES = 2 ** 24;

/**
 * A compiled model in the native engine. Its weights are copies: `load` takes them from the model, `store` puts them back.
 * One call at a time.
 */
export class NativeNetwork {
  readonly #plan: NativePlan;
  readonly #variables: readonly GraphWeight[];
  /** What the model's weights were when they were last read or written. */
  readonly #known: Float32Array[];
  readonly #alone: boolean;
  readonly #terms: number;
  readonly #precision: Precision;

  /** @throws RangeError ERR_QRKD_MEMORY where the engine has no memory for so large a batch. */
  constructor(
    readonly network: CompiledNetwork,
    { precision = 'float32', maxBatch, alone = false, terms = [], optimizer }: NativeNetworkOptions,
  ) {
    const { input, nodes, weights, trainable, outputs } = network;
    this.#variables = weights;
    this.#alone = alone;
    this.#terms = terms.length;
    this.#precision = precision;
    this.#known = weights.map(valuesOf);
    this.#plan = guard(
      () =>
        new (native().NativePlan)({
          precision,
          input,
          nodes,
          weights: this.#known,
          trainable,
          outputs,
          maxBatch,
          ...(terms.length > 0 && { terms, optimizer }),
        }),
    );
  }

  /** Takes over what has changed in the model since `store`, if anything has. */
  load(): void {
    this.#variables.forEach((variable, w) => {
      const values = valuesOf(variable);
      if (values.every((value, k) => Object.is(value, this.#known[w][k]))) return;
      this.#plan.writeWeights(w, values);
      this.#known[w] = values;
    });
  }

  /** Puts the weights into the model, those that are not trained too (moving averages). */
  store(): void {
    this.#variables.forEach((variable, w) => {
      const values = new Float32Array(this.#known[w].length);
      this.#plan.readWeights(w, values);
      if (values.every((value, k) => Object.is(value, this.#known[w][k]))) return;
      tf.tidy(() => variable.read().assign(tf.tensor(values, variable.shape)));
      this.#known[w] = values;
    });
  }

  /** The weights in the engine's own precision, in the order of {@link CompiledNetwork.weights}. */
  readWeights(): Scalars[] {
    return this.#known.map(({ length }, w) => {
      const values = this.#precision === 'float32' ? new Float32Array(length) : new Float64Array(length);
      this.#plan.readWeights(w, values);
      return values;
    });
  }

  writeWeights(weights: readonly Scalars[]): void {
    weights.forEach((values, w) => {
      this.#plan.writeWeights(w, values);
    });
  }

  /**
   * Trains as many steps as there are learning rates, off the event loop.
   *
   * Rejects with {@link NotFiniteTerm}; an abort, within the step that is running, with `signal.reason`. The engine then has
   * the weights of the last step that was finished.
   */
  async train(call: TrainCall): Promise<void> {
    const { data, order, batchSize, learningRates, firstStep, signal, onStep } = call;
    signal?.throwIfAborted();
    const width = STEP_METRICS + 2 * this.#terms;
    const steps = learningRates.length;
    const metrics = new Float64Array(steps * width);
    const job = guard(() =>
      this.#plan.train(data, order, batchSize, learningRates, firstStep, this.#alone, metrics.buffer),
    );
    let reported = 0;
    const report = () => {
      // Metrics of a step are written before its progress is counted.
      for (const done = Math.round(job.progress() * steps); reported < done && !signal?.aborted; reported++) {
        onStep?.(readStep(metrics.subarray(reported * width, (reported + 1) * width)));
      }
    };
    await finished(job, signal, report);
  }

  /**
   * The outputs of all samples in inference mode, in order.
   *
   * @returns one matrix [count, size] for each output. Aborting rejects with `signal.reason`.
   */
  async evaluate({ images, count }: Images, signal?: AbortSignal): Promise<Matrix<Float32Array>[]> {
    const size = images.length / count;
    const chunk = Math.max(1, Math.floor(CHUNK_BYTES / (4 * size)));
    const evaluatePart = async (first: number, rows: number): Promise<Float32Array[]> => {
      const part = images.subarray(first * size, (first + rows) * size);
      const outputs = this.network.sizes.map((columns) => new ArrayBuffer(4 * rows * columns));
      const data = makeData({ images: part, count: rows });
      try {
        await finished(
          guard(() => this.#plan.evaluate(data, 0, rows, this.#alone, outputs)),
          signal,
        );
      } finally {
        data.dispose();
      }
      return outputs.map((buffer) => new Float32Array(buffer));
    };
    const matrix = (data: Float32Array, o: number): Matrix<Float32Array> => ({
      data,
      shape: [count, this.network.sizes[o]],
    });
    signal?.throwIfAborted();
    // Logits of tokens are large: they are handed on as they come where nothing has to be put together.
    if (count <= chunk) return (await evaluatePart(0, count)).map(matrix);
    const results = this.network.sizes.map((columns, o) => matrix(new Float32Array(count * columns), o));
    for (let first = 0; first < count; first += chunk) {
      signal?.throwIfAborted();
      const parts = await evaluatePart(first, Math.min(chunk, count - first));
      parts.forEach((values, o) => {
        results[o].data.set(values, first * this.network.sizes[o]);
      });
    }
    return results;
  }

  /**
   * Of a model that gives logits for every token: how many labels count (those that are not -1), at how many the first
   * largest logit is the label's, and their mean cross-entropy in nats. No logits leave the engine.
   */
  async evaluateTokens(samples: Images & { labels: Int32Array }, signal?: AbortSignal): Promise<TokenEvaluation> {
    signal?.throwIfAborted();
    const data = makeData(samples, samples.labels);
    const out = new Float64Array(3);
    try {
      await finished(
        guard(() => this.#plan.evaluateTokens(data, 0, samples.count, this.#alone, out.buffer)),
        signal,
      );
    } finally {
      data.dispose();
    }
    const [counted, correct, crossEntropy] = out;
    return { counted, correct, crossEntropy };
  }

  /** The optimizer's steps and moments. */
  optimizerState(): { steps: number; slots: Float64Array[] } {
    return this.#plan.optimizerState();
  }

  restoreOptimizer(steps: number, slots: readonly Scalars[]): void {
    this.#plan.restoreOptimizer(
      steps,
      slots.map((slot) => Float64Array.from(slot)),
    );
  }

  dispose(): void {
    this.#plan.dispose();
  }
}

/** Copies samples into the engine; to be disposed of. */
export function makeData(
  { images, count }: Images,
  labels: Int32Array | null = null,
  targets: readonly Matrix[] = [],
): NativeData {
  const columns = targets.map(({ data, shape }) => ({
    data: data instanceof Float32Array ? data : Float32Array.from(data),
    columns: shape[1],
  }));
  return guard(() => new (native().NativeData)(images, count, labels, columns));
}

function valuesOf(variable: GraphWeight): Float32Array {
  return Float32Array.from(variable.read().dataSync());
}

function readStep([loss, correct, zeroVectors, gradientNorm, milliseconds, ...terms]: Float64Array): NativeStep {
  return {
    loss,
    correct,
    zeroVectors,
    gradientNorm,
    milliseconds,
    terms: Array.from({ length: terms.length / 2 }, (_, t) => ({ raw: terms[2 * t], gradientNorm: terms[2 * t + 1] })),
  };
}

/**
 * Waits for a job, calling `report` now and then and once after its end. The job is over when the promise is settled, also
 * after an abort.
 */
async function finished(job: NativeJob, signal?: AbortSignal, report?: () => void): Promise<void> {
  let failure: { error: unknown } | undefined;
  const cancel = () => job.cancel();
  // On a timer nobody else would catch what a callback throws.
  const guarded = () => {
    try {
      if (!failure) report?.();
    } catch (error) {
      failure = { error };
      cancel();
    }
  };
  signal?.addEventListener('abort', cancel, { once: true });
  const timer = report && setInterval(guarded, POLL_MS);
  try {
    await job.promise;
    guarded();
  } catch (error) {
    guarded();
    if (!failure) failure = { error: translate(error) };
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', cancel);
  }
  signal?.throwIfAborted();
  if (failure) throw failure.error;
}

function guard<R>(body: () => R): R {
  try {
    return body();
  } catch (error) {
    throw translate(error);
  }
}

/** Errors of the addon in the library's own terms. */
function translate(error: unknown): unknown {
  const { code, step, term, raw, gradientNorm } = error as NotFiniteTerm & { code?: string };
  if (code === 'NOT_FINITE') return new NotFiniteTerm(step, term, raw, gradientNorm);
  if (code === 'OUT_OF_MEMORY') return new QrkdRangeError('ERR_QRKD_MEMORY', 'the native network: out of memory');
  return error;
}
