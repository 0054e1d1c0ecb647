import type { Optimizer } from '@tensorflow/tfjs-core';
import type { Scalars } from '../engine/native.js';
import { QrkdRangeError } from '../errors.js';
import type { BatchLoss } from '../losses/batchLoss.js';
import type { Widths } from '../losses/qrkd.js';
import type { TermWeights } from '../losses/targetRatios.js';
import type { Term } from '../losses/terms.js';
import type { Augment } from './augment.js';
import type { Evaluation } from './evaluate.js';
import type { StepMetrics } from './meter.js';
import type { OptimizerPlan, OptimizerState } from './optimizer.js';
import type { OpenedModel } from './outputs.js';
import type { SampleSet } from './samples.js';
import type { Inference, TeacherOutputs } from './teacher.js';

export type EngineName = 'native' | 'tfjs';

/** What both engines train from. */
export interface EngineSetup {
  /** Names the caller in errors. */
  where: string;
  student: OpenedModel;
  train: SampleSet;
  loss: BatchLoss;
  /** What is known of the teacher's outputs on all of `train`. */
  target: TeacherOutputs;
  /** Where hidden states are compared: they are the last of the features, on both sides, with so many numbers a token. */
  hidden: Widths | undefined;
  /**
   * The teacher itself, where it is asked about every batch: because that is augmented, or because logits and hidden states of
   * all tokens would not fit into memory.
   */
  teacher: Inference | undefined;
  optimizer: OptimizerPlan | Optimizer;
  augment: Augment | undefined;
  batchSize: number;
  /** Samples that are computed at once, where those are fewer than a batch. */
  microBatch: number | undefined;
  /** Of the whole run. */
  steps: number;
}

/** One epoch, or what is left of it. */
export interface EpochCall {
  /** From 1. */
  epoch: number;
  batches: readonly Uint32Array[];
  /** Steps taken before. */
  firstStep: number;
  signal: AbortSignal | undefined;
  /** After every step, in order. */
  onStep: (metrics: StepMetrics) => void;
}

/** All that a run needs to go on from an epoch. */
export interface EngineState {
  weights: Scalars[];
  optimizer: OptimizerState;
}

/** Runs the steps of a training. Between two calls the model has the engine's weights, and the other way round. */
export interface Engine {
  readonly name: EngineName;
  /**
   * Trains on the batches. Rejects as `distill` does; the model then has the weights of the last step that was finished.
   */
  train(call: EpochCall): Promise<void>;
  /** All weights of the model, those that are trained first, in the engine's own precision. */
  weights(): Scalars[];
  /** Puts weights that {@link weights} gave back into engine and model; the optimizer goes on as it was. */
  setWeights(weights: readonly Scalars[]): void;
  /** Weights of the loss's terms from the next step on; what was trained so far stays as it is. */
  setLossWeights(weights: TermWeights): Promise<void>;
  /** Accuracy and cross-entropy in inference mode. */
  evaluate(set: SampleSet, signal: AbortSignal | undefined): Promise<Evaluation>;
  state(): Promise<EngineState>;
  /** Takes up a state before the first step. */
  restore(state: EngineState): Promise<void>;
  dispose(): void;
}

/** The choice between the engines: what the native one cannot do is an error, or the tfjs engine's with one line that says so. */
export class EngineChoice {
  #tfjs: boolean;

  /** @param mayFallBack whether tfjs may do what the native engine cannot, where it was asked for or not. */
  constructor(
    readonly wanted: 'auto' | EngineName,
    readonly where: string,
    private readonly mayFallBack = wanted === 'auto',
  ) {
    this.#tfjs = wanted === 'tfjs';
  }

  /** What `body` makes with the native engine, or undefined where it is left to tfjs. */
  attempt<R>(body: () => R): R | undefined {
    if (this.#tfjs) return undefined;
    try {
      return body();
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'ERR_QRKD_UNSUPPORTED' && code !== 'ERR_QRKD_ADDON') throw error;
      if (!this.mayFallBack) {
        throw new QrkdRangeError('ERR_QRKD_VALUE', `${this.where} cannot run on the native engine: ${message}`);
      }
      process.stderr.write(`qrkd: ${this.where} runs on tfjs: ${message}\n`);
      this.#tfjs = true;
      return undefined;
    }
  }
}

/** The error for a term, or its gradient, that is not finite. */
export function notFiniteError(
  where: string,
  term: Term,
  value: { raw: number; gradientNorm: number },
  { step, epoch }: { step: number; epoch: number },
): QrkdRangeError {
  return new QrkdRangeError(
    'ERR_QRKD_NAN_LOSS',
    `${where}: the loss term "${term}" is not finite at step ${step} (epoch ${epoch}): ${value.raw}, gradient norm ` +
      `${value.gradientNorm}; a lower learning rate or weight may help`,
  );
}
