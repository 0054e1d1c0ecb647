import type { Optimizer } from '@tensorflow/tfjs-core';
import type { Precision } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError } from '../errors.js';
import type { Augment } from './augment.js';
import { type CheckpointOptions, checkCheckpoint } from './checkpoint.js';
import type { EngineName } from './engine.js';
import { checkLog, type LogOptions } from './log/log.js';
import type { EpochMetrics } from './meter.js';
import type { OptimizerConfig, OptimizerName } from './optimizer.js';
import { asSamples, checkSamples, type SampleSet, type TokenSet } from './samples.js';
import { checkSelection, type EarlyStopping, type Keep } from './selection.js';

/** What `distill` and `train` have in common. */
export interface TrainingOptions {
  /** Samples with a label each, or sequences of tokens with one for the sequence or one for every token. */
  train: SampleSet | TokenSet;
  /** Evaluated after every epoch, for curves and selection. */
  validation?: SampleSet | TokenSet;
  /** Evaluated once, at the end. */
  test?: SampleSet | TokenSet;
  /** Default 5. */
  epochs?: number;
  /** Default 64. The rest of an epoch that does not fill a batch is dropped; the next epoch is shuffled anew. */
  batchSize?: number;
  /**
   * Computes a batch in parts of so many samples, one after another, and adds up their gradients, so that memory is that of a
   * part: the steps are those of the whole batch, to rounding. It need not divide the batch size, and from there on has no
   * effect. Evaluations, and passes of a teacher that is a tf.LayersModel, take no more samples at once either. Only tfjs has it.
   * Relational terms cost a second forward pass, with `augment` of the teacher, too. Models with BatchNormalization are
   * refused, and with relational terms those with dropout.
   */
  microBatch?: number;
  /** A name ('adam' by default), a configuration with schedule, weight decay and clipping, or an optimizer of tfjs's. */
  optimizer?: OptimizerName | OptimizerConfig | Optimizer;
  /** For an optimizer that does not come with its own; default 3e-3. */
  learningRate?: number;
  /**
   * Of the shuffling, and of dropout in the native engine; default 0. The models' initial weights have seeds of their own, as
   * dropout has in tfjs.
   */
  seed?: number | string;
  /**
   * 'native' trains in the engine's panels and is an error where the model, the loss or the optimizer is not all supported;
   * 'tfjs' trains any model; 'auto' (default) is native where that is possible, else tfjs, and one line on stderr says why.
   */
  engine?: 'auto' | EngineName;
  /** Of the native engine's weights and activations, default 'float32'; results are float32 in any case. */
  precision?: Precision;
  /**
   * 1: the native engine runs on one thread, off the event loop; several runs started together then take a processor each.
   * Left out: on all of the engine's. Results are the same to the bit.
   */
  threads?: 1;
  /**
   * Called with every batch before it is trained on. Teacher and student both see what it returns. Not called for
   * evaluations.
   */
  augment?: Augment;
  /**
   * A file from which a run that was stopped goes on: written after epochs under a temporary name and renamed, before
   * `onEpoch` is called. With the same options the finished model is the one of a run that was never stopped, to the bit.
   */
  checkpoint?: CheckpointOptions;
  /**
   * Writes metrics to files as the run goes on. A run that begins anew begins them anew; one that goes on from a checkpoint
   * cuts them back to it, so that every epoch (and step) is in them once.
   */
  log?: LogOptions;
  /** Ends the run when the validation part no longer gets better. Schedules keep the length that `epochs` gives them. */
  earlyStopping?: EarlyStopping;
  /**
   * 'best': the finished model has the weights of the epoch that was best on the validation part (by earlyStopping.monitor
   * or its default; the earlier one of equals); 'last' (default): those it ended with.
   */
  keep?: Keep;
  /** Stops between two steps; the promise rejects with signal.reason, the model keeps the weights it has by then. */
  signal?: AbortSignal;
  /** Shows a progress bar with the time left on stderr (where that is no terminal, a line every two seconds). */
  progress?: boolean;
  /**
   * After every step, with steps counted over all epochs. The native engine reports steps a few at a time, when it has
   * already gone on.
   */
  onStep?: (step: number, steps: number) => void;
  /** After every epoch; the model has its weights. */
  onEpoch?: (metrics: EpochMetrics) => void;
}

/** The options with sets of one kind. */
export type ReadOptions = Omit<TrainingOptions, 'train' | 'validation' | 'test'> & {
  train: SampleSet;
  validation?: SampleSet;
  test?: SampleSet;
};

export function readSets({ train, validation, test, ...options }: TrainingOptions): ReadOptions {
  return {
    ...options,
    train: asSamples(train),
    ...(validation && { validation: asSamples(validation) }),
    ...(test && { test: asSamples(test) }),
  };
}

export const TRAINING_KEYS: readonly (keyof TrainingOptions)[] = [
  'train',
  'validation',
  'test',
  'epochs',
  'batchSize',
  'microBatch',
  'optimizer',
  'learningRate',
  'seed',
  'engine',
  'precision',
  'threads',
  'augment',
  'checkpoint',
  'log',
  'earlyStopping',
  'keep',
  'signal',
  'progress',
  'onStep',
  'onEpoch',
];

function oneOf(value: unknown, known: readonly unknown[], name: string): void {
  if (value === undefined || known.includes(value)) return;
  throw new QrkdRangeError('ERR_QRKD_VALUE', `${name} must be ${known.join(' or ')}, got ${describe(value)}`);
}

function wholeNumber(value: number, name: string): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${name} must be a whole number of at least 1, got ${value}`);
  }
  return value;
}

/** Checks what does not depend on the models; `where` names the caller in errors. */
export function checkTraining(
  options: ReadOptions,
  where: string,
): { epochs: number; batchSize: number; microBatch: number | undefined } {
  const { train, validation, test, engine, precision, threads, augment, checkpoint, log } = options;
  const epochs = wholeNumber(options.epochs ?? 5, `${where}: epochs`);
  const batchSize = wholeNumber(options.batchSize ?? 64, `${where}: batchSize`);
  const microBatch = wholeNumber(options.microBatch ?? batchSize, `${where}: microBatch`);
  oneOf(engine, ['auto', 'native', 'tfjs'], `${where}: engine`);
  oneOf(precision, ['float32', 'float64'], `${where}: precision`);
  oneOf(threads, [1], `${where}: threads, where it is given,`);
  if (precision === 'float64' && engine === 'tfjs') {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: precision float64 is the native engine's, not tfjs's`);
  }
  if (augment !== undefined && typeof augment !== 'function') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: augment must be a function, got ${describe(augment)}`);
  }
  if (checkpoint !== undefined) checkCheckpoint(checkpoint, where);
  if (log !== undefined) checkLog(log, where);
  checkSelection(options, where);
  checkSamples(train, `${where}: train`);
  if (validation) checkSamples(validation, `${where}: validation`);
  if (test) checkSamples(test, `${where}: test`);
  if (train.shape[0] < batchSize) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: batchSize ${batchSize} is more than the ${train.shape[0]} training samples`,
    );
  }
  return { epochs, batchSize, microBatch: microBatch < batchSize ? microBatch : undefined };
}
