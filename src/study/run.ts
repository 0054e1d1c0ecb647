import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type AugmentationOptions, augmentation } from '../data/index.js';
import { type DistillResult, distill } from '../distill/distill.js';
import type { LogOptions } from '../distill/log/log.js';
import type { OptimizerConfig } from '../distill/optimizer.js';
import type { FeaturePair } from '../distill/pairs.js';
import type { EarlyStopping } from '../distill/selection.js';
import type { Teacher } from '../distill/teacher.js';
import { qrkdLoss } from '../losses/qrkd.js';
import { saveModel } from '../models/index.js';
import { type StudyConfig, usesTeacher } from './config.js';
import { makeLoss } from './kernels.js';
import { makeModel } from './models.js';
import { loadParts, trainingSize } from './parts.js';
import { type FeaturePicture, featurePicture, type KernelPictures, kernelPicture } from './pictures.js';
import { checkpointFile } from './plan.js';
import { TEACHER } from './table.js';
import { givenTeacher, isGivenTeacher, keptTeacherOutputs, loadTeacher, teacherLayer } from './teacher.js';

/** One model to train: the teacher of a seed, or one method's student of a seed. */
export interface RunSpec {
  /** {@link TEACHER} or a method's name. */
  method: string;
  seed: number;
  config: StudyConfig;
  /** Where the trained model is saved. */
  folder: string;
  /** The same seed's trained teacher; for runs that compare with it. */
  teacherFolder?: string;
  /** Where metrics are written to while the run goes on. */
  log?: LogOptions;
  /** Whether the test part is read, once, at the end. */
  test: boolean;
  /** Whether the record shows kernel matrices and features. */
  pictures: boolean;
}

/** What a teacher that was not trained has none of. */
type OfTraining = 'engine' | 'stopped' | 'keptEpoch';

/** What a finished run leaves behind, beside the model. */
export interface RunRecord {
  method: string;
  seed: number;
  parameters: number;
  seconds: number;
  result: Omit<DistillResult, 'student' | OfTraining> & Partial<Pick<DistillResult, OfTraining>>;
  /** For quantum terms, where pictures were asked for. */
  kernels?: KernelPictures;
  features?: FeaturePicture;
  /** Pictures were asked for. */
  pictured?: true;
}

/** Steps that a run takes. */
export async function stepsOf({ config, method }: RunSpec): Promise<number> {
  const { epochs, batchSize } = method === TEACHER ? config.teacher : config.student;
  if (method === TEACHER && isGivenTeacher(config)) return 0;
  return epochs * Math.floor((await trainingSize(config)) / batchSize);
}

/** Trains one model, evaluates it (the test part once, at the end), saves it. */
export async function runOne(spec: RunSpec, onStep: (step: number) => void): Promise<RunRecord> {
  const start = performance.now();
  const { config, method, seed } = spec;
  const parts = await loadParts(config);
  const { train, validation, test } = parts;
  if (method === TEACHER && isGivenTeacher(config)) return givenTeacher(spec, { train, validation, test });
  const isTeacher = method === TEACHER;
  const side = isTeacher ? config.teacher : config.student;
  const model = await makeModel(spec, parts);
  const teacher =
    spec.teacherFolder === undefined || !usesTeacher(config.methods[method])
      ? undefined
      : await loadTeacher(config, spec.teacherFolder, [train, validation, test]);
  const loss = isTeacher ? qrkdLoss({ ce: 1 }) : makeLoss(config.methods[method]);
  const pictured = firstPair(config, teacher);
  const picture =
    teacher && spec.pictures && loss.weights.quantum > 0
      ? await kernelPicture(loss, { student: model, teacher }, { train, validation }, pictured)
      : undefined;
  const before = picture?.();
  const { student: _, ...result } = await distill({
    student: model,
    ...(teacher && { teacher }),
    train,
    validation,
    ...(spec.test && { test }),
    loss,
    epochs: side.epochs,
    batchSize: side.batchSize,
    ...(side.microBatch && { microBatch: side.microBatch }),
    optimizer: side.optimizer as OptimizerConfig,
    learningRate: side.learningRate,
    ...(side.earlyStopping && { earlyStopping: side.earlyStopping as EarlyStopping }),
    ...(side.keep && { keep: side.keep }),
    seed,
    ...(side.augment && { augment: augmentation(side.augment as AugmentationOptions, train.shape, seed) }),
    checkpoint: { path: checkpointFile(spec.folder) },
    ...(spec.log && { log: spec.log }),
    ...(config.featurePairs
      ? { featurePairs: config.featurePairs as FeaturePair[] }
      : { featureLayer: { student: config.featureLayer, teacher: pictured.teacher as string } }),
    ...(config.hiddenLayer !== undefined && { hiddenLayer: config.hiddenLayer }),
    ...(teacher &&
      config.teacher.cacheTopK !== undefined && {
        teacherCache: { folder: keptTeacherOutputs(spec.teacherFolder!), topK: config.teacher.cacheTopK },
      }),
    engine: config.engine,
    onStep,
  });
  const after = picture?.();
  await saveModel(model, spec.folder);
  return {
    method,
    seed,
    parameters: model.countParams(),
    seconds: (performance.now() - start) / 1000,
    result,
    ...(spec.pictures && {
      pictured: true as const,
      features: await featurePicture({ student: model, teacher }, validation, pictured),
    }),
    ...(before &&
      after && {
        kernels: { labels: before.labels, teacher: before.teacher, before: before.student, after: after.student },
      }),
  };
}

/** The places that pictures show. */
function firstPair(
  { featurePairs, featureLayer }: StudyConfig,
  teacher: LayersModel | Teacher | undefined,
): Pick<FeaturePair, 'student' | 'teacher'> {
  const [first] = (featurePairs as FeaturePair[] | undefined) ?? [];
  return first ?? { student: featureLayer, teacher: teacherLayer(teacher) ?? featureLayer };
}
