import type { Optimizer, Tensor2D, Variable } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import {
  type BatchLoss,
  type LossEvaluation,
  type Outputs,
  QrkdLoss,
  TERMS,
  type Term,
  type TermValue,
} from '../losses/qrkd.js';
import { startProgress } from '../progress.js';
import { ready, tf } from '../tensor/backend.js';
import { type Evaluation, evaluateLogits } from './evaluate.js';
import { type OptimizerConfig, type OptimizerName, readOptimizer } from './optimizer.js';
import { allOutputs, openModel, type TwoOutputs } from './outputs.js';
import { checkSamples, epochBatches, gatherRows, gatherTensor, type SampleSet } from './samples.js';
import { TfjsOptimizer } from './tfjsOptimizer.js';

export interface DistillOptions {
  /** Trained in place. One input, one output of logits [N, C]. */
  student: LayersModel;
  /** Only read. May be left out where no term of the loss needs it (plain training). */
  teacher?: LayersModel;
  train: SampleSet;
  /** Evaluated after every epoch, for curves and selection. */
  validation?: SampleSet;
  /** Evaluated once, after the last epoch. */
  test?: SampleSet;
  /** Made by {@link qrkdLoss}. */
  loss: QrkdLoss;
  /** Default 5. */
  epochs?: number;
  /** Default 64. The rest of an epoch that does not fill a batch is dropped; the next epoch is shuffled anew. */
  batchSize?: number;
  /** A name ('adam' by default), a configuration with schedule, weight decay and clipping, or an optimizer of tfjs's. */
  optimizer?: OptimizerName | OptimizerConfig | Optimizer;
  /** For an optimizer that does not come with its own; default 3e-3. */
  learningRate?: number;
  /** Of the shuffling; default 0. The models' initial weights and any dropout have seeds of their own. */
  seed?: number | string;
  /** Name of the layer whose output is the features, for both models or for each; default 'features'. */
  featureLayer?: string | { student?: string; teacher?: string };
  /** Stops between two steps; the promise rejects with signal.reason, the student keeps the weights it has by then. */
  signal?: AbortSignal;
  /** Shows a progress bar with the time left on stderr (where that is no terminal, a line every two seconds). */
  progress?: boolean;
  /** After every step, with steps counted over all epochs. */
  onStep?: (step: number, steps: number) => void;
  /** After every epoch. */
  onEpoch?: (metrics: EpochMetrics) => void;
}

export interface EpochMetrics {
  /** From 1. */
  epoch: number;
  /** Steps of this epoch. */
  steps: number;
  seconds: number;
  /** Mean over the epoch's steps, as are the terms. */
  loss: number;
  terms: Partial<Record<Term, TermValue>>;
  /** Accuracy on the batches while they were trained on. */
  runningAccuracy: number;
  /** Rows that an amplitude map could not encode, summed. */
  zeroVectors: number;
  validation?: Evaluation;
}

export interface DistillResult {
  student: LayersModel;
  epochs: EpochMetrics[];
  steps: number;
  /** Time of the steps alone, in milliseconds: median over all. */
  stepMilliseconds: number;
  /** The finished student on all of `train`. */
  train: Evaluation;
  validation?: Evaluation;
  test?: Evaluation;
}

const KEYS: readonly (keyof DistillOptions)[] = [
  'student',
  'teacher',
  'train',
  'validation',
  'test',
  'loss',
  'epochs',
  'batchSize',
  'optimizer',
  'learningRate',
  'seed',
  'featureLayer',
  'signal',
  'progress',
  'onStep',
  'onEpoch',
];

function wholeNumber(value: number, name: string): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `distill: ${name} must be a whole number of at least 1, got ${value}`);
  }
  return value;
}

/** Sums what the steps of one epoch measured. */
class EpochMeter {
  #steps = 0;
  #loss = 0;
  #correct = 0;
  #samples = 0;
  #zeroVectors = 0;
  readonly #terms: Partial<Record<Term, TermValue>> = {};
  readonly #start = performance.now();

  add(evaluation: LossEvaluation, correct: number, samples: number): void {
    this.#steps++;
    this.#loss += evaluation.loss;
    this.#correct += correct;
    this.#samples += samples;
    this.#zeroVectors += evaluation.zeroVectors;
    for (const [term, value] of Object.entries(evaluation.terms) as [Term, TermValue][]) {
      this.#terms[term] ??= { raw: 0, weighted: 0, gradientNorm: 0 };
      const sum = this.#terms[term];
      sum.raw += value.raw;
      sum.weighted += value.weighted;
      sum.gradientNorm += value.gradientNorm;
    }
  }

  metrics(epoch: number, validation: Evaluation | undefined): EpochMetrics {
    const steps = this.#steps;
    const mean = ({ raw, weighted, gradientNorm }: TermValue) => ({
      raw: raw / steps,
      weighted: weighted / steps,
      gradientNorm: gradientNorm / steps,
    });
    return {
      epoch,
      steps,
      seconds: (performance.now() - this.#start) / 1000,
      loss: this.#loss / steps,
      terms: Object.fromEntries(Object.entries(this.#terms).map(([term, sum]) => [term, mean(sum)])),
      runningAccuracy: this.#correct / this.#samples,
      zeroVectors: this.#zeroVectors,
      ...(validation && { validation }),
    };
  }
}

/** The first term that is not finite, in the order in which terms are computed. */
function refuseNotFinite(evaluation: LossEvaluation, { step, epoch }: { step: number; epoch: number }): void {
  for (const term of TERMS) {
    const value = evaluation.terms[term];
    if (value && !(Number.isFinite(value.raw) && Number.isFinite(value.gradientNorm))) {
      throw new QrkdRangeError(
        'ERR_QRKD_NAN_LOSS',
        `distill: the loss term "${term}" is not finite at step ${step} (epoch ${epoch}): ${value.raw}, gradient norm ` +
          `${value.gradientNorm}; a lower learning rate or weight may help`,
      );
    }
  }
}

/**
 * Trains a student with the weighted distillation terms of `loss`.
 *
 * The teacher runs once over the training set, in inference mode, and its outputs are cached. A step is one forward pass of
 * the student with two outputs, all terms with their gradients on those outputs (native), and one backward pass. With the
 * same seed, models, tensor backend and number of threads, results are the same to the bit.
 *
 * @returns the student (the object given), metrics of every epoch and final evaluations.
 * @throws TypeError or RangeError naming the option; RangeError ERR_QRKD_NAN_LOSS naming term and step when a term or its
 *   gradient stops being finite. Aborting rejects with `signal.reason`.
 */
export async function distill(options: DistillOptions): Promise<DistillResult> {
  rejectUnknownKeys(options, KEYS, 'distill');
  const { student, teacher, train, validation, test, loss, signal, seed = 0 } = options;
  const epochs = wholeNumber(options.epochs ?? 5, 'epochs');
  const batchSize = wholeNumber(options.batchSize ?? 64, 'batchSize');
  if (!(loss instanceof QrkdLoss)) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `distill: loss must be made by qrkdLoss, got ${typeof loss}`);
  }
  checkSamples(train, 'distill: train');
  if (validation) checkSamples(validation, 'distill: validation');
  if (test) checkSamples(test, 'distill: test');
  if (train.shape[0] < batchSize) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `distill: batchSize ${batchSize} is more than the ${train.shape[0]} training samples`,
    );
  }
  await ready();

  const layer = options.featureLayer ?? 'features';
  const layerOf = (side: 'student' | 'teacher') =>
    loss.needsFeatures ? ((typeof layer === 'string' ? layer : layer[side]) ?? 'features') : undefined;
  const opened = openModel(student, layerOf('student'), 'distill: student');
  const target = loss.needsTeacher ? teacherOutputs(teacher, layerOf('teacher'), train) : {};
  const batchLoss = loss.prepare(target.features, opened.featureWidth);

  const variables = student.trainableWeights.map((weight) => weight.read() as Variable);
  const steps = epochs * Math.floor(train.shape[0] / batchSize);
  const made = readOptimizer(options.optimizer ?? 'adam', options.learningRate, 'distill');
  const optimizer = new TfjsOptimizer(made, variables, steps);
  const progress = options.progress ? startProgress('distilling', steps, { unit: 'steps' }) : undefined;
  const history: EpochMetrics[] = [];
  const times: number[] = [];
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const meter = new EpochMeter();
      for (const rows of epochBatches(train.shape[0], batchSize, seed, epoch)) {
        signal?.throwIfAborted();
        const start = performance.now();
        const labels = Int32Array.from(rows, (row) => train.labels[row]);
        const where = { step: times.length + 1, epoch };
        const { evaluation, logits } = trainStep(opened, batchLoss, optimizer, train, rows, labels, target, where);
        times.push(performance.now() - start);
        meter.add(evaluation, evaluateLogits(logits, labels).correct, rows.length);
        options.onStep?.(times.length, steps);
        progress?.update(times.length, `epoch ${epoch}, loss ${evaluation.loss.toPrecision(3)}`);
        // Steps are synchronous: without this neither a signal nor a progress bar would get a turn.
        await new Promise(setImmediate);
      }
      const held = validation && evaluateLogits(allOutputs(opened, validation).logits, validation.labels);
      const metrics = meter.metrics(epoch, held);
      history.push(metrics);
      options.onEpoch?.(metrics);
    }
  } finally {
    progress?.stop();
    optimizer.dispose();
  }
  const final = (set: SampleSet) => evaluateLogits(allOutputs(opened, set).logits, set.labels);
  return {
    student,
    epochs: history,
    steps,
    stepMilliseconds: times.sort((a, b) => a - b)[times.length >> 1],
    train: final(train),
    ...(validation && { validation: history[epochs - 1].validation }),
    ...(test && { test: final(test) }),
  };
}

function teacherOutputs(teacher: LayersModel | undefined, layer: string | undefined, train: SampleSet): Outputs {
  if (teacher === undefined) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      'distill: the loss has terms that compare with a teacher, but teacher was not given',
    );
  }
  return allOutputs(openModel(teacher, layer, 'distill: teacher'), train);
}

/** One step; tensors live no longer than it. */
function trainStep(
  student: TwoOutputs,
  loss: BatchLoss,
  optimizer: TfjsOptimizer,
  train: SampleSet,
  rows: Uint32Array,
  labels: Int32Array,
  target: Outputs,
  where: { step: number; epoch: number },
): { evaluation: LossEvaluation; logits: Matrix } {
  let step: ReturnType<typeof trainStep> | undefined;
  const teacher: Outputs = {
    ...(target.logits && { logits: gatherRows(target.logits, rows) }),
    ...(target.features && { features: gatherRows(target.features, rows) }),
  };
  tf.tidy(() => {
    const x = gatherTensor(train, rows);
    const { grads } = tf.variableGrads(() => {
      const { logits, features } = student.apply(x, true);
      const outputs = { logits: logits as Tensor2D, ...(features && { features: features as Tensor2D }) };
      return loss.scalar(outputs, teacher, labels, (evaluation, seen) => {
        // Before the weights are touched: an error leaves the student as it was.
        refuseNotFinite(evaluation, where);
        step = { evaluation, logits: seen.logits };
      });
    }, [...optimizer.variables]);
    optimizer.apply(grads, where.step - 1);
  });
  return step!;
}
