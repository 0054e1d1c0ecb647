import type { NativeData, Scalars } from '../engine/native.js';
import type { Matrix, Precision } from '../engine/types.js';
import { QrkdTypeError } from '../errors.js';
import type { BatchLoss } from '../losses/batchLoss.js';
import { countedLabels } from '../losses/labels.js';
import { type NativeShare, nativeTerms } from '../losses/nativeTerms.js';
import { project } from '../losses/projection.js';
import type { TermWeights } from '../losses/targetRatios.js';
import { sumOfShares, TERMS } from '../losses/terms.js';
import type { CompiledNetwork } from '../network/compile.js';
import { makeData, NativeNetwork, type NativeStep, NotFiniteTerm } from '../network/NativeNetwork.js';
import { augmentBatch } from './augment.js';
import { type Engine, type EngineSetup, type EngineState, type EpochCall, notFiniteError } from './engine.js';
import { type Evaluation, evaluateClasses } from './evaluate.js';
import type { StepMetrics } from './meter.js';
import { learningRates, type OptimizerPlan } from './optimizer.js';
import { rowsOf } from './outputs.js';
import { gatherLabels, type SampleSet } from './samples.js';
import type { TeacherOutputs } from './teacher.js';

/** Batches of at least so many samples are evaluated at once, however small those of the training are. */
const EVALUATED = 64;

/** Refuses optimizer objects, which only tfjs can run. */
export function checkPlan(optimizer: EngineSetup['optimizer']): asserts optimizer is OptimizerPlan {
  if ('native' in optimizer) return;
  throw new QrkdTypeError(
    'ERR_QRKD_UNSUPPORTED',
    `its optimizer is a tfjs object (${optimizer.getClassName()}), not a name or a configuration`,
  );
}

/** Refuses micro-batches, which only tfjs has. */
export function checkWholeBatches(microBatch: EngineSetup['microBatch']): void {
  if (microBatch === undefined) return;
  throw new QrkdTypeError(
    'ERR_QRKD_UNSUPPORTED',
    `the native engine takes every batch as a whole, and microBatch is ${microBatch}`,
  );
}

/** Trains in the native engine: an epoch is one call off the event loop, or, where batches are augmented, one call each. */
export class NativeEngine implements Engine {
  readonly name = 'native';
  readonly #optimizer: OptimizerPlan;
  #network: NativeNetwork;
  #loss: BatchLoss;
  #shares: NativeShare[];
  readonly #data: NativeData | undefined;

  /** @throws TypeError ERR_QRKD_UNSUPPORTED naming what the engine does not have. */
  constructor(
    private readonly setup: EngineSetup,
    private readonly compiled: CompiledNetwork,
    private readonly how: { precision: Precision; alone: boolean },
  ) {
    const { loss, target, optimizer, train, teacher, augment } = setup;
    checkPlan(optimizer);
    this.#optimizer = optimizer;
    this.#loss = loss;
    this.#shares = this.#sharesOf(loss);
    this.#network = this.#open();
    if (!augment && !teacher) this.#data = this.#dataOf(train, target);
  }

  #sharesOf(loss: BatchLoss): NativeShare[] {
    const { target, student } = this.setup;
    // Where the teacher runs on every batch it gives its logits, if a term wants them or not.
    const firstFeatures = this.#givesLogits() ? 1 : 0;
    const places = target.features.map(({ shape }, p) => ({
      output: this.compiled.features[p],
      target: firstFeatures + p,
      student: student.featureWidths[p],
      teacher: shape[1],
    }));
    // Hidden states are the last of the features.
    const hidden = this.setup.hidden && places.pop();
    return nativeTerms(loss, {
      logits: { output: 0, target: 0 },
      features: places,
      ...(hidden && { hidden: { output: hidden.output, target: hidden.target } }),
    });
  }

  #givesLogits(): boolean {
    const { target, teacher, loss } = this.setup;
    return teacher ? loss.weights.kd > 0 : target.logits !== undefined;
  }

  #open(): NativeNetwork {
    return new NativeNetwork(this.compiled, {
      ...this.how,
      // Logits of tokens are much larger: no more of them than training needs.
      maxBatch: this.setup.student.perToken ? this.setup.batchSize : Math.max(this.setup.batchSize, EVALUATED),
      terms: this.#shares.map(({ native }) => native),
      optimizer: this.#optimizer.native,
    });
  }

  async setLossWeights(weights: TermWeights): Promise<void> {
    // The engine's plan has its terms for good: a new plan goes on where the old one was.
    this.#network.load();
    const state = await this.state();
    this.#network.dispose();
    this.#loss = this.#loss.withWeights(weights);
    this.#shares = this.#sharesOf(this.#loss);
    this.#network = this.#open();
    await this.restore(state);
  }

  async train(call: EpochCall): Promise<void> {
    this.#network.load();
    try {
      if (this.#data) await this.#steps(this.#data, call, { batches: call.batches, rows: call.batches });
      else await this.#batchByBatch(call);
    } finally {
      this.#network.store();
    }
  }

  /** Every batch as data of its own. */
  async #batchByBatch(call: EpochCall): Promise<void> {
    const { train, target, teacher, augment, where } = this.setup;
    const everyRow = Uint32Array.from({ length: this.setup.batchSize }, (_, i) => i);
    for (const [b, rows] of call.batches.entries()) {
      call.signal?.throwIfAborted();
      const firstStep = call.firstStep + b;
      const batch = augmentBatch(train, { epoch: call.epoch, step: firstStep + 1, rows }, augment, where);
      const { logits, features } = teacher ? await teacher.outputs(batch, call.signal, rows) : target;
      const labels = gatherLabels(train, rows);
      const data = this.#dataOf({ ...batch, labels }, {
        ...(this.#givesLogits() && { logits }),
        features,
      } as TeacherOutputs);
      try {
        await this.#steps(data, { ...call, firstStep }, { batches: [everyRow], rows: [rows] });
      } finally {
        data.dispose();
      }
    }
  }

  /** @param of which rows of the data are the batches, and which of the training set they are. */
  async #steps(
    data: NativeData,
    { epoch, firstStep, signal, onStep }: Omit<EpochCall, 'batches'>,
    { batches, rows }: Record<'batches' | 'rows', readonly Uint32Array[]>,
  ): Promise<void> {
    const { batchSize, steps, where, train } = this.setup;
    let reported = 0;
    const order = new Uint32Array(batches.length * batchSize);
    batches.forEach((rows, b) => {
      order.set(rows, b * batchSize);
    });
    try {
      await this.#network.train({
        data,
        order,
        batchSize,
        learningRates: learningRates(this.#optimizer, firstStep, batches.length, steps),
        firstStep,
        signal,
        onStep: (step) => {
          const counted = countedLabels(gatherLabels(train, rows[reported++]));
          onStep({ ...this.#metrics(step), counted });
        },
      });
    } catch (error) {
      if (!(error instanceof NotFiniteTerm)) throw error;
      throw notFiniteError(where, this.#shares[error.term].term, error, { step: firstStep + error.step + 1, epoch });
    }
  }

  #metrics({ terms, ...step }: NativeStep): Omit<StepMetrics, 'counted'> {
    const { weights } = this.#loss;
    const named = TERMS.filter((term) => weights[term] > 0).map((term) => {
      const shares = terms.map((value, t) => ({ ...value, weight: this.#shares[t].share }));
      return [
        term,
        sumOfShares(
          shares.filter((_, t) => this.#shares[t].term === term),
          weights[term],
        ),
      ];
    });
    return { ...step, terms: Object.fromEntries(named) };
  }

  async evaluate({ images, labels, shape: [count] }: SampleSet, signal: AbortSignal | undefined): Promise<Evaluation> {
    this.#network.load();
    if (this.setup.student.perToken) {
      const { counted, ...found } = await this.#network.evaluateTokens({ images, count, labels }, signal);
      return { samples: counted, ...found, accuracy: found.correct / counted };
    }
    const [logits] = await this.#network.evaluate({ images, count }, signal);
    return evaluateClasses(logits, labels);
  }

  weights(): Scalars[] {
    return this.#network.readWeights();
  }

  setWeights(weights: readonly Scalars[]): void {
    this.#network.writeWeights(weights);
    this.#network.store();
  }

  async state(): Promise<EngineState> {
    return { weights: this.weights(), optimizer: this.#network.optimizerState() };
  }

  async restore({ weights, optimizer }: EngineState): Promise<void> {
    this.setWeights(weights);
    this.#network.restoreOptimizer(optimizer.steps, optimizer.slots);
  }

  dispose(): void {
    this.#data?.dispose();
    this.#network.dispose();
  }

  /** The targets: the teacher's logits, where it gives any, then its features; a row of each for every sample. */
  #dataOf({ images, labels, shape: [count] }: SampleSet, { logits, features }: TeacherOutputs): NativeData {
    const matrices = [...(logits ? [logits] : []), ...features];
    const { hidden } = this.setup;
    const narrowed = this.#loss.hidden;
    if (hidden && narrowed) matrices.push(project(rowsOf(matrices.pop()!, hidden.teacher), narrowed));
    const targets = matrices.map(({ data }): Matrix => ({ data, shape: [count, data.length / count] }));
    return makeData({ images, count }, labels, targets);
  }
}
