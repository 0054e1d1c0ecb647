import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type DataSource, holdOut, type ImageSet, loadData, selectRows } from '../data/index.js';
import { samplesIdentity } from '../distill/checkpoint.js';
import { type DistillResult, distill } from '../distill/distill.js';
import { evaluate } from '../distill/evaluate.js';
import type { LogOptions } from '../distill/log/log.js';
import type { OptimizerConfig } from '../distill/optimizer.js';
import type { FeaturePair } from '../distill/pairs.js';
import type { EarlyStopping } from '../distill/selection.js';
import { QrkdRangeError } from '../errors.js';
import { qrkdLoss } from '../losses/qrkd.js';
import { loadModel, makeStudent, makeTeacher, saveModel } from '../models/index.js';
import type { StudyConfig } from './config.js';
import { makeLoss } from './kernels.js';
import { type FeaturePicture, featurePicture, type KernelPictures, kernelPicture } from './pictures.js';
import { checkpointFile } from './plan.js';
import { TEACHER } from './table.js';

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

/** The parts of the data that a study uses. */
export interface Parts {
  train: ImageSet;
  validation: ImageSet;
  test: ImageSet;
}

/** A value for the last arguments asked for; kept for the next run of the same process. */
function remembered<A, T>(make: (argument: A) => T): (argument: A) => T {
  let last: { key: string; value: T } | undefined;
  return (argument) => {
    const key = JSON.stringify(argument);
    if (last?.key !== key) {
      last = undefined;
      last = { key, value: make(argument) };
    }
    return last.value;
  };
}

const loadWhole = remembered((data: StudyConfig['data']) => {
  const source = loadData(data as DataSource);
  return { ...holdOut(source), test: source.test };
});

/** What the data are, wherever their files lie. */
export const dataIdentity = remembered((data: StudyConfig['data']) =>
  Object.values(loadWhole(data)).map((set) => samplesIdentity(set)),
);

const cutParts = remembered(
  ({ data, samples, validationSamples }: Pick<StudyConfig, 'data' | 'samples' | 'validationSamples'>): Parts => {
    const { train, validation, test } = loadWhole(data);
    return {
      train: firstRows(train, samples, 'samples', 'training samples that there are without the validation part'),
      validation: firstRows(validation, validationSamples, 'validationSamples', 'validation samples'),
      test,
    };
  },
);

/** `samples` and `validationSamples` where they are fewer than there are. */
export function cutSizes({ data, samples, validationSamples }: StudyConfig) {
  const { train, validation } = loadWhole(data);
  return {
    ...(samples !== undefined && samples < train.shape[0] && { samples }),
    ...(validationSamples !== undefined && validationSamples < validation.shape[0] && { validationSamples }),
  };
}

/** The data's parts. */
export function loadParts({ data, samples, validationSamples }: StudyConfig): Parts {
  return cutParts({ data, samples, validationSamples });
}

function firstRows(set: ImageSet, n: number | undefined, key: string, what: string): ImageSet {
  if (n === undefined) return set;
  if (n > set.shape[0]) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${key} is ${n}, more than the ${set.shape[0]} ${what}`);
  }
  return selectRows(
    set,
    Int32Array.from({ length: n }, (_, i) => i),
  );
}

/** Steps that a run takes; `trainingSamples` is the number left after validation rows and `samples`. */
export function stepsOf(config: StudyConfig, method: string, trainingSamples: number): number {
  const { epochs, batchSize } = method === TEACHER ? config.teacher : config.student;
  if (method === TEACHER && config.teacher.model !== undefined) return 0;
  return epochs * Math.floor(trainingSamples / batchSize);
}

export function trainingSamples(config: StudyConfig): number {
  return loadParts(config).train.shape[0];
}

/** Trains one model, evaluates it (the test part once, at the end), saves it. */
export async function runOne(spec: RunSpec, onStep: (step: number) => void): Promise<RunRecord> {
  const start = performance.now();
  const { config, method, seed } = spec;
  const { train, validation, test } = loadParts(config);
  if (method === TEACHER && config.teacher.model !== undefined) return givenTeacher(spec, config.teacher.model);
  const isTeacher = method === TEACHER;
  const side = isTeacher ? config.teacher : config.student;
  const model = await makeModel(spec, train);
  const teacher = spec.teacherFolder === undefined ? undefined : await loadModel(spec.teacherFolder);
  const loss = isTeacher ? qrkdLoss({ ce: 1 }) : makeLoss(config.methods[method]);
  const pictured = firstPair(config);
  const picture =
    teacher && spec.pictures && loss.weights.quantum > 0
      ? kernelPicture(loss, { student: model, teacher }, { train, validation }, pictured)
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
    optimizer: side.optimizer as OptimizerConfig,
    learningRate: side.learningRate,
    ...(side.earlyStopping && { earlyStopping: side.earlyStopping as EarlyStopping }),
    ...(side.keep && { keep: side.keep }),
    seed,
    checkpoint: { path: checkpointFile(spec.folder) },
    ...(spec.log && { log: spec.log }),
    ...(config.featurePairs
      ? { featurePairs: config.featurePairs as FeaturePair[] }
      : { featureLayer: config.featureLayer }),
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
      features: featurePicture({ student: model, teacher }, validation, pictured),
    }),
    ...(before &&
      after && {
        kernels: { labels: before.labels, teacher: before.teacher, before: before.student, after: after.student },
      }),
  };
}

/** The places that pictures show. */
function firstPair({ featurePairs, featureLayer }: StudyConfig): Pick<FeaturePair, 'student' | 'teacher'> {
  const [first] = (featurePairs as FeaturePair[] | undefined) ?? [];
  return first ?? { student: featureLayer, teacher: featureLayer };
}

/** The model of a run before it is trained, for images of the data's shape and classes. */
async function makeModel(
  { config: { teacher, student }, method, seed }: RunSpec,
  data: ImageSet,
): Promise<LayersModel> {
  const [, height, width, channels] = data.shape;
  const options = { inputShape: [height, width, channels] as const, classes: data.classes, seed };
  if (method === TEACHER) return makeTeacher(teacher.variant, options);
  if (student.model !== undefined) return loadModel(student.model);
  const { variant = 'reproduction', embedding } = student;
  return makeStudent(variant, { ...options, ...(variant === 'reproduction' && { embedding, width: student.width }) });
}

/** The record of a teacher that is used as it came. */
async function givenTeacher({ config, method, seed, folder, test: reads }: RunSpec, path: string): Promise<RunRecord> {
  const start = performance.now();
  const { train, validation, test } = loadParts(config);
  const model = await loadModel(path);
  await saveModel(model, folder);
  const final = {
    train: evaluate(model, train),
    validation: evaluate(model, validation),
    ...(reads && { test: evaluate(model, test) }),
  };
  return {
    method,
    seed,
    parameters: model.countParams(),
    seconds: (performance.now() - start) / 1000,
    result: { epochs: [], steps: 0, stepMilliseconds: 0, ...final },
  };
}
