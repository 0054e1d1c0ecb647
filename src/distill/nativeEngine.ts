import type { NativeData, Scalars } from '../engine/native.js';
import type { Matrix, Precision } from '../engine/types.js';
import { QrkdTypeError } from '../errors.js';
import type { BatchLoss } from '../losses/batchLoss.js';
import { type NativeShare, nativeTerms } from '../losses/nativeTerms.js';
import type { TermWeights } from '../losses/targetRatios.js';
import { sumOfShares, TERMS } from '../losses/terms.js';
import type { CompiledNetwork } from '../network/compile.js';
import { makeData, NativeNetwork, type NativeStep, NotFiniteTerm } from '../network/NativeNetwork.js';
import { augmentBatch } from './augment.js';
import { type Engine, type EngineSetup, type EngineState, type EpochCall, notFiniteError } from './engine.js';
import type { StepMetrics } from './meter.js';
import { learningRates, type OptimizerPlan } from './optimizer.js';
import type { SampleSet } from './samples.js';
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
    const { loss, target, optimizer, train, augment } = setup;
    checkPlan(optimizer);
    this.#optimizer = optimizer;
    this.#loss = loss;
    this.#shares = this.#sharesOf(loss);
    this.#network = this.#open();
    if (!augment) this.#data = dataOf(train, train.labels, target);
  }

  #sharesOf(loss: BatchLoss): NativeShare[] {
    const { target, student } = this.setup;
    const firstFeatures = target.logits ? 1 : 0;
    return nativeTerms(loss, {
      logits: { output: 0, target: 0 },
      features: target.features.map(({ shape }, p) => ({
        output: this.compiled.features[p],
        target: firstFeatures + p,
        student: student.featureWidths[p],
        teacher: shape[1],
      })),
    });
  }

  #open(): NativeNetwork {
    return new NativeNetwork(this.compiled, {
      ...this.how,
      maxBatch: Math.max(this.setup.batchSize, EVALUATED),
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
      if (this.#data) await this.#steps(this.#data, call, call.batches, call.firstStep);
      else await this.#augmented(call);
    } finally {
      this.#network.store();
    }
  }

  /** Every batch as data of its own. */
  async #augmented(call: EpochCall): Promise<void> {
    const { train, target, teacher, augment, where } = this.setup;
    const everyRow = Uint32Array.from({ length: this.setup.batchSize }, (_, i) => i);
    for (const [b, rows] of call.batches.entries()) {
      call.signal?.throwIfAborted();
      const firstStep = call.firstStep + b;
      const batch = augmentBatch(train, { epoch: call.epoch, step: firstStep + 1, rows }, augment, where);
      const outputs = teacher ? await teacher.outputs(batch, call.signal) : target;
      const labels = Int32Array.from(rows, (row) => train.labels[row]);
      const data = dataOf(batch, labels, outputs);
      try {
        await this.#steps(data, call, [everyRow], firstStep);
      } finally {
        data.dispose();
      }
    }
  }

  async #steps(
    data: NativeData,
    { epoch, signal, onStep }: EpochCall,
    batches: readonly Uint32Array[],
    firstStep: number,
  ): Promise<void> {
    const { batchSize, steps, where } = this.setup;
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
        onStep: (step) => onStep(this.#metrics(step)),
      });
    } catch (error) {
      if (!(error instanceof NotFiniteTerm)) throw error;
      throw notFiniteError(where, this.#shares[error.term].term, error, { step: firstStep + error.step + 1, epoch });
    }
  }

  #metrics({ terms, ...step }: NativeStep): StepMetrics {
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

  async logits({ images, shape }: SampleSet, signal: AbortSignal | undefined): Promise<Matrix> {
    this.#network.load();
    const [logits] = await this.#network.evaluate({ images, count: shape[0] }, signal);
    return logits;
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
}

/** The targets: the teacher's logits, where it gives any, then its features. */
function dataOf(
  { images, shape }: Pick<SampleSet, 'images' | 'shape'>,
  labels: Int32Array,
  target: TeacherOutputs,
): NativeData {
  const { logits, features } = target;
  return makeData({ images, count: shape[0] }, labels, [...(logits ? [logits] : []), ...features]);
}
