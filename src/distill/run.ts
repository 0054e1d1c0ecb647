import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError } from '../errors.js';
import type { QrkdLoss } from '../losses/qrkd.js';
import { lastWidth } from '../models/taps.js';
import { compileNetwork } from '../network/compile.js';
import { ready } from '../tensor/backend.js';
import { type Engine, EngineChoice, type EngineName, type EngineSetup } from './engine.js';
import { trainEpochs } from './epochs.js';
import type { Evaluation } from './evaluate.js';
import type { EpochMetrics } from './meter.js';
import { checkMicroBatches } from './microBatches.js';
import { checkPlan, checkWholeBatches, NativeEngine } from './nativeEngine.js';
import { readOptimizer } from './optimizer.js';
import { checkTraining, type ReadOptions } from './options.js';
import { checkInputs, checkLabels, type OpenedModel, openModel } from './outputs.js';
import type { TapPair } from './pairs.js';
import { labelsPerSample, type SampleSet, sliceInputs } from './samples.js';
import type { StopReason } from './selection.js';
import {
  type Inference,
  type InferenceOptions,
  isTeacher,
  openInference,
  sequencesPerPass,
  type Teacher,
  type TeacherOutputs,
  teacherIdentity,
} from './teacher.js';
import { keptInference, type TeacherCacheOptions } from './teacherCache.js';
import { TfjsEngine } from './tfjsEngine.js';

/** A run of `distill` or `train`. */
export interface Run {
  /** The function that was called, and what it calls the model: named in errors. */
  where: string;
  role: string;
  /** Trained in place. */
  model: LayersModel;
  loss: QrkdLoss;
  teacher: LayersModel | Teacher | undefined;
  /** What the relational terms compare; none where the loss has no such terms. */
  pairs: readonly TapPair[];
  /** Where hidden states are taken, if the loss compares them. */
  hidden?: TapPair;
  teacherCache?: TeacherCacheOptions;
  options: ReadOptions;
}

export interface RunResult {
  /** Which engine ran the steps. */
  engine: EngineName;
  /** As many as were run. */
  epochs: EpochMetrics[];
  steps: number;
  /** Why it ended: 'epochs', all were run, or 'patience', early stopping. */
  stopped: StopReason;
  /** The epoch, from 1, whose weights the model has: the last, or with keep: 'best' the best. */
  keptEpoch: number;
  /** Time of the steps alone, in milliseconds: median over all that this call ran, 0 if there were none. */
  stepMilliseconds: number;
  /** The finished model on all of `train`; validation and test are of the same weights. */
  train: Evaluation;
  validation?: Evaluation;
  test?: Evaluation;
}

/** Trains a model: checks, teacher, engine, epochs, final evaluations. */
export async function runTraining(run: Run): Promise<RunResult> {
  const { options, where } = run;
  const { epochs, batchSize, microBatch } = checkTraining(options, where);
  await ready();
  if (run.loss.options.targetRatios) {
    process.stderr.write(
      `qrkd: ${where}: targetRatios is on; to match a kernel term's gradient norm with the cross-entropy's was measured to cost accuracy\n`,
    );
  }
  const { train, signal } = options;
  const { engine, teacher } = await openEngine(run, { epochs, batchSize, microBatch });
  try {
    const history = await trainEpochs(run, engine, epochs, batchSize);
    return {
      engine: engine.name,
      ...history,
      train: await engine.evaluate(train, signal),
      ...(options.validation && { validation: history.epochs[history.keptEpoch - 1].validation }),
      ...(options.test && { test: await engine.evaluate(options.test, signal) }),
    };
  } finally {
    engine.dispose();
    teacher?.dispose();
  }
}

/** The engine that is wanted and possible, with the teacher's outputs. */
async function openEngine(
  { where, role, model, loss, pairs: related, hidden, teacherCache, options, ...run }: Run,
  { epochs, batchSize, microBatch }: ReturnType<typeof checkTraining>,
): Promise<{ engine: Engine; teacher: Inference | undefined }> {
  const { train, validation, test, precision = 'float32', threads, seed = 0, augment, signal } = options;
  const pairs = hidden ? [...related, hidden] : related;
  const taps = pairs.map((pair) => pair.student);
  const student = openModel(model, taps, `${where}: ${role}`);
  for (const [name, set] of Object.entries({ train, validation, test })) {
    if (!set) continue;
    checkInputs(student, set.shape, `${where}: ${role}`);
    checkLabels(student, set, `${where}: ${name}`);
  }
  if (loss.weights.kd > 0 && run.teacher) checkClasses(student, run.teacher, where);
  if (teacherCache && !student.perToken) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: teacherCache is for models that give logits for every token; outputs of others stay in memory`,
    );
  }
  if (microBatch) checkMicroBatches(model, loss.needsFeatures, where);
  const optimizer = readOptimizer(options.optimizer ?? 'adam', options.learningRate, where);
  const wanted = options.engine ?? 'auto';
  const choice = new EngineChoice(wanted, where, wanted === 'auto' && precision === 'float32');
  const compiled = choice.attempt(() => {
    checkPlan(optimizer);
    checkWholeBatches(microBatch);
    const length = commonLength([train, validation, test]);
    return compileNetwork(model, { features: taps, seed, length });
  });
  const alone = threads === 1;
  let teacher = loss.needsTeacher
    ? openTeacher(run.teacher, pairs, {
        engine: compiled ? wanted : 'tfjs',
        where,
        precision,
        alone,
        length: train.shape[1],
        // Of models of tokens no more is ever asked for.
        atOnce: microBatch ?? (student.perToken ? batchSize : undefined),
      })
    : undefined;
  try {
    if (teacher && teacherCache) {
      teacher = await keptInference(teacher, {
        ...teacherCache,
        where,
        identity: teacherIdentity(run.teacher!),
        train,
        taps: pairs.map((pair) => pair.teacher),
        classes: loss.weights.kd > 0 ? student.classes : undefined,
        atOnce: Math.min(microBatch ?? batchSize, teacher.perPass ?? sequencesPerPass(train.shape[1], student.classes)),
        progress: options.progress ?? false,
        signal,
      });
    }
    // Logits and hidden states of all tokens would not fit into memory.
    const live = augment !== undefined || (student.perToken && loss.weights.kd + loss.weights.hidden > 0);
    const target = student.perToken
      ? await tokensTarget(teacher, train, { related: related.length, hidden: hidden !== undefined, signal })
      : ((await teacher?.outputs(train, signal)) ?? { features: [] });
    if (loss.weights.kd > 0 && !target.logits && !student.perToken) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: the term "kd" needs the teacher's logits, and it gives none`);
    }
    const widths = hidden && {
      student: lastWidth(model, hidden.student),
      teacher: target.features[related.length].shape[1] / labelsPerSample(train),
    };
    const setup: EngineSetup = {
      where,
      student,
      train,
      hidden: widths,
      loss: loss.prepare(
        related.map(({ weight, student: { tokens } }, p) => ({
          teacher: target.features[p],
          rowsPerSample: tokens,
          studentWidth: student.featureWidths[p],
          weight,
        })),
        widths && {
          teacher: someRows(target.features[related.length].data, widths.teacher),
          studentWidth: widths.student,
        },
      ),
      target,
      teacher: live ? teacher : undefined,
      optimizer,
      augment,
      batchSize,
      microBatch,
      steps: epochs * Math.floor(train.shape[0] / batchSize),
    };
    const native = compiled && choice.attempt(() => new NativeEngine(setup, compiled, { precision, alone }));
    return { engine: native ?? new TfjsEngine(setup), teacher };
  } catch (error) {
    teacher?.dispose();
    throw error;
  }
}

/** Tokens of all sequences, which are one number in the native engine. */
function commonLength(sets: readonly (SampleSet | undefined)[]): number {
  const lengths = [...new Set(sets.flatMap((set) => (set ? [set.shape[1]] : [])))];
  if (lengths.length === 1) return lengths[0];
  throw new QrkdTypeError('ERR_QRKD_UNSUPPORTED', `its sequences differ in length (${lengths.join(', ')})`);
}

/** Hidden states enough to find their principal components. */
const ENOUGH = 16_384;

function someRows(data: Matrix['data'], width: number): Matrix {
  const rows = Math.min(data.length / width, ENOUGH);
  return { data: data.subarray(0, rows * width), shape: [rows, width] };
}

/** Refuses a teacher whose logits are of other classes, or of another vocabulary, than the student's. */
function checkClasses({ classes }: OpenedModel, teacher: LayersModel | Teacher, where: string): void {
  const wanted = isTeacher(teacher) ? classes : teacher.outputs[0].shape.at(-1);
  if (wanted === classes) return;
  throw new QrkdRangeError(
    'ERR_QRKD_SHAPE',
    `${where}: the teacher gives logits of ${wanted} classes, the student of ${classes}; the term "kd" needs the same classes (the same vocabulary) on both sides`,
  );
}

/** The features that are compared on the whole training set, and hidden states of as many tokens as their projection needs. */
async function tokensTarget(
  teacher: Inference | undefined,
  train: SampleSet,
  { related, hidden, signal }: { related: number; hidden: boolean; signal: AbortSignal | undefined },
): Promise<TeacherOutputs> {
  if (!teacher) return { features: [] };
  const features = await teacher.features(train, signal, related);
  if (!hidden) return { features };
  const [n, length] = train.shape;
  const first = sliceInputs(train, 0, Math.min(n, Math.ceil(ENOUGH / length)));
  const states = await teacher.features(first, signal);
  return { features: [...features, states[related]] };
}

function openTeacher(
  teacher: Run['teacher'],
  pairs: readonly TapPair[],
  { where, ...how }: InferenceOptions,
): Inference {
  if (teacher === undefined) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: the loss has terms that compare with a teacher, but teacher was not given`,
    );
  }
  const taps = pairs.map((pair) => pair.teacher);
  return openInference(teacher, taps, { ...how, where: `${where}: teacher` });
}
