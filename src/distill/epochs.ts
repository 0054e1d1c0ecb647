import type { Optimizer } from '@tensorflow/tfjs-core';
import type { Scalars } from '../engine/native.js';
import { QrkdTypeError } from '../errors.js';
import type { QrkdLoss } from '../losses/qrkd.js';
import { type TermWeights, weightsByRatios } from '../losses/targetRatios.js';
import { startProgress } from '../progress.js';
import { Checkpoint, modelIdentity, type RunIdentity, samplesIdentity } from './checkpoint.js';
import type { Engine } from './engine.js';
import { stepEntry } from './log/entries.js';
import { RunLog } from './log/log.js';
import { EpochMeter, type EpochMetrics } from './meter.js';
import { learningRateAt, type OptimizerPlan, readOptimizer } from './optimizer.js';
import type { Run } from './run.js';
import { epochBatches } from './samples.js';
import { bestEpoch, defaultMonitor, isOutOfPatience, type StopReason } from './selection.js';
import { teacherIdentity } from './teacher.js';

/** What the epochs of a run came to. */
export interface History {
  epochs: EpochMetrics[];
  steps: number;
  /** Median of the steps of this call, 0 if there were none. */
  stepMilliseconds: number;
  stopped: StopReason;
  keptEpoch: number;
}

/** Runs the epochs that a checkpoint does not have yet; engine and model end with the weights that are to be kept. */
export async function trainEpochs(run: Run, engine: Engine, epochs: number, batchSize: number): Promise<History> {
  const { train, validation, signal, seed = 0, earlyStopping, keep = 'last', onStep, onEpoch } = run.options;
  const optimizer = readOptimizer(run.options.optimizer ?? 'adam', run.options.learningRate, run.where);
  const monitor = earlyStopping?.monitor ?? defaultMonitor(validation);
  const checkpoint = openCheckpoint(run, engine, optimizer, epochs, batchSize);
  const saved = checkpoint?.read();
  if (saved) await engine.restore(saved.state);
  const history: EpochMetrics[] = saved?.history ?? [];
  let best: Scalars[] | undefined = saved?.best;
  const perEpoch = Math.floor(train.shape[0] / batchSize);
  const steps = epochs * perEpoch;
  let done = history.length * perEpoch;
  const times: number[] = [];
  const isOver = () =>
    history.length === epochs || (earlyStopping !== undefined && isOutOfPatience(history, earlyStopping, monitor));
  const log = run.options.log && new RunLog(run.options.log, done);
  const progress = run.options.progress ? startProgress(`${run.where}ing`, steps, { unit: 'steps' }) : undefined;
  try {
    while (!isOver()) {
      const epoch = history.length + 1;
      const meter = new EpochMeter();
      signal?.throwIfAborted();
      const weights = epochWeights(run.loss, history);
      if (weights && epoch > 1) await engine.setLossWeights(weights);
      await engine.train({
        epoch,
        batches: epochBatches(train.shape[0], batchSize, seed, epoch),
        firstStep: done,
        signal,
        onStep(metrics) {
          done++;
          times.push(metrics.milliseconds);
          meter.add(metrics);
          if (log?.wants(done)) {
            log.write(stepEntry(metrics, { step: done, epoch, learningRate: rateOf(optimizer, done, steps) }));
          }
          onStep?.(done, steps);
          progress?.update(done, `epoch ${epoch}, loss ${metrics.loss.toPrecision(3)}`);
        },
      });
      const held = validation && (await engine.evaluate(validation, signal));
      const metrics = { ...meter.metrics(epoch, held), ...(weights && { weights }) };
      history.push(metrics);
      log?.write({ type: 'epoch', step: done, learningRate: rateOf(optimizer, done, steps), ...metrics });
      if (keep === 'best' && bestEpoch(history, monitor) === epoch) best = engine.weights();
      if (checkpoint?.isDue(epoch, isOver())) {
        log?.sync();
        await checkpoint.write({ epoch, history, state: await engine.state(), best });
      }
      onEpoch?.(metrics);
    }
  } finally {
    log?.close();
    progress?.stop();
  }
  if (best) engine.setWeights(best);
  return {
    epochs: history,
    steps: history.length * perEpoch,
    stepMilliseconds: times.sort((a, b) => a - b)[times.length >> 1] ?? 0,
    stopped: history.length < epochs ? 'patience' : 'epochs',
    keptEpoch: best ? bestEpoch(history, monitor) : history.length,
  };
}

/** The weights of the next epoch, where the loss sets them by target ratios; from the history alone, so that a run can go on. */
function epochWeights({ weights, options }: QrkdLoss, history: readonly EpochMetrics[]): TermWeights | undefined {
  if (!options.targetRatios) return undefined;
  const last = history.at(-1);
  return last ? weightsByRatios(options.targetRatios, last.weights ?? weights, last.terms) : weights;
}

/** The learning rate of a step, counted from 1; null for an optimizer object that does not tell. */
function rateOf(optimizer: OptimizerPlan | Optimizer, step: number, steps: number): number | null {
  if ('native' in optimizer) return learningRateAt(optimizer, step - 1, steps);
  return (optimizer as { learningRate?: number }).learningRate ?? null;
}

function openCheckpoint(
  run: Run,
  engine: Engine,
  optimizer: OptimizerPlan | Optimizer,
  epochs: number,
  batchSize: number,
): Checkpoint | undefined {
  const { where, model, loss, teacher, pairs, hidden, teacherCache, options } = run;
  if (!options.checkpoint) return undefined;
  if (!('native' in optimizer)) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: a checkpoint needs an optimizer given by name or configuration, got a tfjs object`,
    );
  }
  const { student, teacher: other } = loss.weights.quantum > 0 ? loss.options.kernels! : {};
  const { earlyStopping } = options;
  const { patience, minimumDelta = 0, monitor = defaultMonitor(options.validation) } = earlyStopping ?? {};
  const identity: RunIdentity = {
    engine: engine.name,
    precision: options.precision ?? 'float32',
    epochs,
    batchSize,
    ...(options.microBatch !== undefined && { microBatch: options.microBatch }),
    ...(teacherCache && loss.weights.kd > 0 && { topK: teacherCache.topK }),
    seed: options.seed ?? 0,
    optimizer,
    loss: loss.toJSON(),
    kernelParameters: [student, other].map((kernel) => [...(kernel?.parameters ?? [])]),
    featurePairs: hidden ? [...pairs, hidden] : pairs,
    augment: options.augment === undefined ? false : (options.augment.toJSON?.() ?? true),
    earlyStopping: earlyStopping ? [patience, minimumDelta, monitor] : null,
    keep: options.keep ?? 'last',
    model: modelIdentity(model),
    train: samplesIdentity(options.train),
    validation: options.validation ? samplesIdentity(options.validation) : null,
    teacher: teacher && loss.needsTeacher ? teacherIdentity(teacher) : null,
  };
  return new Checkpoint(options.checkpoint, identity, where);
}
