import type { LayersModel } from '@tensorflow/tfjs-layers';
import { QrkdTypeError } from '../errors.js';
import type { QrkdLoss } from '../losses/qrkd.js';
import { compileNetwork } from '../network/compile.js';
import { startProgress } from '../progress.js';
import { ready } from '../tensor/backend.js';
import { Checkpoint, modelIdentity, type RunIdentity, samplesIdentity, weightsIdentity } from './checkpoint.js';
import { type Engine, EngineChoice, type EngineName, type EngineSetup } from './engine.js';
import { type Evaluation, evaluateLogits } from './evaluate.js';
import { EpochMeter, type EpochMetrics } from './meter.js';
import { checkPlan, NativeEngine } from './nativeEngine.js';
import { readOptimizer } from './optimizer.js';
import { checkTraining, type TrainingOptions } from './options.js';
import { checkInputs, checkLabels, openModel } from './outputs.js';
import { epochBatches, type SampleSet } from './samples.js';
import { type Inference, openInference } from './teacher.js';
import { TfjsEngine } from './tfjsEngine.js';

/** A run of `distill` or `train`. */
export interface Run {
  /** The function that was called, and what it calls the model: named in errors. */
  where: string;
  role: string;
  /** Trained in place. */
  model: LayersModel;
  loss: QrkdLoss;
  teacher: LayersModel | undefined;
  featureLayer: { student?: string; teacher?: string };
  options: TrainingOptions;
}

export interface RunResult {
  /** Which engine ran the steps. */
  engine: EngineName;
  epochs: EpochMetrics[];
  steps: number;
  /** Time of the steps alone, in milliseconds: median over all that this call ran, 0 if there were none. */
  stepMilliseconds: number;
  /** The finished model on all of `train`. */
  train: Evaluation;
  validation?: Evaluation;
  test?: Evaluation;
}

/** Trains a model: checks, teacher, engine, epochs, final evaluations. */
export async function runTraining(run: Run): Promise<RunResult> {
  const { options, where } = run;
  const { epochs, batchSize } = checkTraining(options, where);
  await ready();
  const { train, signal } = options;
  const { engine, teacher } = await openEngine(run, epochs, batchSize);
  try {
    const history = await trainEpochs(run, engine, epochs, batchSize);
    const evaluate = async (set: SampleSet) => evaluateLogits(await engine.logits(set, signal), set.labels);
    return {
      engine: engine.name,
      epochs: history.epochs,
      steps: epochs * Math.floor(train.shape[0] / batchSize),
      stepMilliseconds: history.stepMilliseconds,
      train: await evaluate(train),
      ...(options.validation && { validation: history.epochs[epochs - 1].validation }),
      ...(options.test && { test: await evaluate(options.test) }),
    };
  } finally {
    engine.dispose();
    teacher?.dispose();
  }
}

/** The engine that is wanted and possible, with the teacher's outputs. */
async function openEngine(
  { where, role, model, loss, featureLayer, options, ...run }: Run,
  epochs: number,
  batchSize: number,
): Promise<{ engine: Engine; teacher: Inference | undefined }> {
  const { train, validation, test, precision = 'float32', threads, seed = 0, augment, signal } = options;
  const layer = loss.needsFeatures ? (featureLayer.student ?? 'features') : undefined;
  const student = openModel(model, layer, `${where}: ${role}`);
  for (const [name, set] of Object.entries({ train, validation, test })) {
    if (!set) continue;
    checkInputs(student, set.shape, `${where}: ${role}`);
    checkLabels(student, set.labels, `${where}: ${name}`);
  }
  const optimizer = readOptimizer(options.optimizer ?? 'adam', options.learningRate, where);
  const wanted = options.engine ?? 'auto';
  const choice = new EngineChoice(wanted, where, wanted === 'auto' && precision === 'float32');
  const compiled = choice.attempt(() => {
    checkPlan(optimizer);
    return compileNetwork(model, { features: layer === undefined ? [] : [layer], seed });
  });
  const alone = threads === 1;
  const teacher = loss.needsTeacher
    ? openTeacher(run.teacher, loss.needsFeatures ? (featureLayer.teacher ?? 'features') : undefined, {
        engine: compiled ? wanted : 'tfjs',
        where,
        precision,
        alone,
      })
    : undefined;
  try {
    const target = (await teacher?.outputs(train, signal)) ?? {};
    const setup: EngineSetup = {
      where,
      student,
      train,
      loss,
      prepared: loss.prepare(target.features, student.featureWidth),
      target,
      teacher,
      optimizer,
      augment,
      batchSize,
      steps: epochs * Math.floor(train.shape[0] / batchSize),
    };
    const native = compiled && choice.attempt(() => new NativeEngine(setup, compiled, { precision, alone }));
    return { engine: native ?? new TfjsEngine(setup), teacher };
  } catch (error) {
    teacher?.dispose();
    throw error;
  }
}

function openTeacher(
  teacher: LayersModel | undefined,
  layer: string | undefined,
  { where, ...how }: Parameters<typeof openInference>[2],
): Inference {
  if (teacher === undefined) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: the loss has terms that compare with a teacher, but teacher was not given`,
    );
  }
  return openInference(teacher, layer, { ...how, where: `${where}: teacher` });
}

async function trainEpochs(run: Run, engine: Engine, epochs: number, batchSize: number) {
  const { train, validation, signal, seed = 0, onStep, onEpoch } = run.options;
  const checkpoint = openCheckpoint(run, engine, epochs, batchSize);
  const saved = checkpoint?.read();
  if (saved) await engine.restore(saved.state);
  const history: EpochMetrics[] = saved?.history ?? [];
  const perEpoch = Math.floor(train.shape[0] / batchSize);
  const steps = epochs * perEpoch;
  let done = history.length * perEpoch;
  const times: number[] = [];
  const progress = run.options.progress ? startProgress(`${run.where}ing`, steps, { unit: 'steps' }) : undefined;
  try {
    for (let epoch = history.length + 1; epoch <= epochs; epoch++) {
      const meter = new EpochMeter();
      signal?.throwIfAborted();
      await engine.train({
        epoch,
        batches: epochBatches(train.shape[0], batchSize, seed, epoch),
        firstStep: done,
        signal,
        onStep(metrics) {
          done++;
          times.push(metrics.milliseconds);
          meter.add(metrics, batchSize);
          onStep?.(done, steps);
          progress?.update(done, `epoch ${epoch}, loss ${metrics.loss.toPrecision(3)}`);
        },
      });
      const held = validation && evaluateLogits(await engine.logits(validation, signal), validation.labels);
      const metrics = meter.metrics(epoch, held);
      history.push(metrics);
      if (checkpoint?.isDue(epoch, epochs)) await checkpoint.write({ epoch, history, state: await engine.state() });
      onEpoch?.(metrics);
    }
  } finally {
    progress?.stop();
  }
  return { epochs: history, stepMilliseconds: times.sort((a, b) => a - b)[times.length >> 1] ?? 0 };
}

function openCheckpoint(run: Run, engine: Engine, epochs: number, batchSize: number): Checkpoint | undefined {
  const { where, model, loss, teacher, featureLayer, options } = run;
  if (!options.checkpoint) return undefined;
  const optimizer = readOptimizer(options.optimizer ?? 'adam', options.learningRate, where);
  if (!('native' in optimizer)) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: a checkpoint needs an optimizer given by name or configuration, got a tfjs object`,
    );
  }
  const { student, teacher: other } = loss.weights.quantum > 0 ? loss.options.kernels! : {};
  const identity: RunIdentity = {
    engine: engine.name,
    precision: options.precision ?? 'float32',
    epochs,
    batchSize,
    seed: options.seed ?? 0,
    optimizer,
    loss: loss.toJSON(),
    kernelParameters: [student, other].map((kernel) => [...(kernel?.parameters ?? [])]),
    featureLayer: loss.needsFeatures ? featureLayer : {},
    augment: options.augment !== undefined,
    model: modelIdentity(model),
    train: samplesIdentity(options.train),
    teacher: teacher && loss.needsTeacher ? weightsIdentity(teacher) : null,
  };
  return new Checkpoint(options.checkpoint, identity, where);
}
