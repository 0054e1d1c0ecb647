import type { LayersModel } from '@tensorflow/tfjs-layers';
import { QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { QrkdLoss } from '../losses/qrkd.js';
import { readSets, TRAINING_KEYS, type TrainingOptions } from './options.js';
import { type FeaturePair, readHidden, readPairs } from './pairs.js';
import { type RunResult, runTraining } from './run.js';
import { isTeacher, type Teacher } from './teacher.js';
import { checkTeacherCache, type TeacherCacheOptions } from './teacherCache.js';

export interface DistillOptions extends TrainingOptions {
  /** Trained in place. One input, one output of logits [N, C], or [N, T, C] for models that label every token. */
  student: LayersModel;
  /**
   * Only read: a model with one input and one output of logits, or anything else that gives logits and features, such as an
   * {@link onnxTeacher}. May be left out where no term of the loss needs it (plain training).
   */
  teacher?: LayersModel | Teacher;
  /** Made by {@link qrkdLoss}. */
  loss: QrkdLoss;
  /** Name of the layer whose output is the features, for both models or for each; default 'features'. */
  featureLayer?: string | { student?: string; teacher?: string };
  /**
   * In place of `featureLayer`: the pairs of layers that the relational terms compare. Every relational term (distance, angle,
   * quantum) is the sum over the pairs, each times its weight; projections and scaling of the quantum term are each pair's own.
   */
  featurePairs?: readonly FeaturePair[];
  /**
   * Name of the layer, for both models or for each, whose values [n, t, d] are the hidden states that the term "hidden"
   * compares; default 'ln_f', the last of a GPT-2.
   */
  hiddenLayer?: string | { student?: string; teacher?: string };
  /**
   * Keeps a teacher's outputs on the training set on disk, for models that give logits for every token, where the teacher
   * otherwise runs on every batch: the largest logits of each token, and features. One line on stderr says how large it gets.
   * Runs with the same teacher, samples and layers share what is there. Does not go with `augment`.
   */
  teacherCache?: TeacherCacheOptions;
}

export interface DistillResult extends RunResult {
  student: LayersModel;
}

const KEYS: readonly (keyof DistillOptions)[] = [
  'student',
  'teacher',
  'loss',
  'featureLayer',
  'featurePairs',
  'hiddenLayer',
  'teacherCache',
  ...TRAINING_KEYS,
];

/**
 * Trains a student with the weighted distillation terms of `loss`.
 *
 * The teacher runs once over the training set, in inference mode, and its outputs are cached (with `augment`, and where every
 * token has logits, it runs on every batch instead). A step is one forward pass of the student with two outputs, all terms with their gradients on those
 * outputs, and one backward pass: in the native engine, where an epoch is one call off the event loop, or in tfjs.
 * With the same seed, models and engine results are the same to the bit; the native engine's do not depend on threads either.
 *
 * @returns the student (the object given), metrics of every epoch and final evaluations.
 * @throws TypeError or RangeError naming the option; RangeError ERR_QRKD_NAN_LOSS naming term and step when a term or its
 *   gradient stops being finite. Aborting rejects with `signal.reason`.
 */
export async function distill(options: DistillOptions): Promise<DistillResult> {
  rejectUnknownKeys(options, KEYS, 'distill');
  const { student, teacher, loss, featureLayer, featurePairs, hiddenLayer, teacherCache, ...training } = options;
  if (!(loss instanceof QrkdLoss)) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `distill: loss must be made by qrkdLoss, got ${typeof loss}`);
  }
  if (teacherCache !== undefined) checkTeacherCache(teacherCache, training, 'distill');
  const teacherLayer = (teacher && isTeacher(teacher) && teacher.featureLayer) || 'features';
  const pairs = readPairs({ featurePairs, featureLayer }, 'distill', teacherLayer);
  const result = await runTraining({
    where: 'distill',
    role: 'student',
    model: student,
    teacher,
    loss,
    pairs: loss.needsFeatures ? pairs : [],
    ...(loss.weights.hidden > 0 && { hidden: readHidden(hiddenLayer, 'distill') }),
    ...(teacherCache && { teacherCache }),
    options: readSets(training),
  });
  return { student, ...result };
}
