import type { LayersModel } from '@tensorflow/tfjs-layers';
import { rejectUnknownKeys } from '../errors.js';
import { qrkdLoss } from '../losses/qrkd.js';
import { readSets, TRAINING_KEYS, type TrainingOptions } from './options.js';
import { type RunResult, runTraining } from './run.js';

export interface TrainOptions extends TrainingOptions {
  /** Trained in place. One input, one output of logits [N, C], or [N, T, C] for models that label every token. */
  model: LayersModel;
}

export interface TrainResult extends RunResult {
  model: LayersModel;
}

/**
 * Trains a classifier with the cross-entropy of its logits: `distill` without a teacher.
 *
 * @returns the model (the object given), metrics of every epoch and final evaluations.
 * @throws as `distill` does.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  rejectUnknownKeys(options, ['model', ...TRAINING_KEYS], 'train');
  const { model, ...training } = options;
  const result = await runTraining({
    where: 'train',
    role: 'model',
    model,
    teacher: undefined,
    loss: qrkdLoss(),
    pairs: [],
    options: readSets(training),
  });
  return { model, ...result };
}
