import type { Tensor2D, Variable } from '@tensorflow/tfjs-core';
import type { Scalars } from '../engine/native.js';
import type { Matrix } from '../engine/types.js';
import type { BatchLoss, LossEvaluation, OutputTensors } from '../losses/batchLoss.js';
import { countedLabels } from '../losses/labels.js';
import type { TermWeights } from '../losses/targetRatios.js';
import { type Outputs, TERMS } from '../losses/terms.js';
import { tf } from '../tensor/backend.js';
import { augmentBatch } from './augment.js';
import { type Engine, type EngineSetup, type EngineState, type EpochCall, notFiniteError } from './engine.js';
import { argmaxRows, type Evaluation, evaluateInParts } from './evaluate.js';
import { allOutputs, rowsOf } from './outputs.js';
import { gatherLabels, gatherRows, type SampleSet, sliceTensor } from './samples.js';
import type { TeacherOutputs } from './teacher.js';
import { TfjsOptimizer } from './tfjsOptimizer.js';

type Batch = Pick<SampleSet, 'images' | 'shape'>;

/** Trains in tfjs: any model and any loss, one step after the other on the event loop. */
export class TfjsEngine implements Engine {
  readonly name = 'tfjs';
  readonly #optimizer: TfjsOptimizer;
  #loss: BatchLoss;

  constructor(private readonly setup: EngineSetup) {
    this.#loss = setup.loss;
    const variables = setup.student.model.trainableWeights.map((weight) => weight.read() as Variable);
    this.#optimizer = new TfjsOptimizer(setup.optimizer, variables, setup.steps);
  }

  async train({ epoch, batches, firstStep, signal, onStep }: EpochCall): Promise<void> {
    const { train, target, teacher, augment, where } = this.setup;
    let step = firstStep;
    for (const rows of batches) {
      signal?.throwIfAborted();
      const start = performance.now();
      step++;
      const batch = augmentBatch(train, { epoch, step, rows }, augment, where);
      const wanted: TeacherOutputs = teacher
        ? await teacher.outputs(batch, signal)
        : {
            ...(target.logits && { logits: gatherRows(target.logits, rows) }),
            features: target.features.map((matrix) => gatherRows(matrix, rows)),
          };
      const labels = gatherLabels(train, rows);
      const { evaluation, logits } = this.#step(batch, wanted, labels, { step, epoch });
      const best = argmaxRows(logits);
      onStep({
        loss: evaluation.loss,
        terms: evaluation.terms,
        zeroVectors: evaluation.zeroVectors,
        counted: countedLabels(labels),
        correct: labels.reduce((sum, label, i) => sum + (best[i] === label ? 1 : 0), 0),
        milliseconds: performance.now() - start,
      });
      // Steps are synchronous: without this neither a signal nor a progress bar would get a turn.
      await new Promise(setImmediate);
    }
  }

  /** One step; tensors live no longer than it. */
  #step(
    batch: Batch,
    teacher: TeacherOutputs,
    labels: Int32Array,
    at: { step: number; epoch: number },
  ): { evaluation: LossEvaluation; logits: Matrix } {
    const { student, where } = this.setup;
    let result: { evaluation: LossEvaluation; logits: Matrix } | undefined;
    tf.tidy(() => {
      const x = sliceTensor(batch, 0, batch.shape[0]);
      const { grads } = tf.variableGrads(() => {
        const { logits, features } = student.apply(x, true);
        const own = this.#splitTensors(logits as Tensor2D, features as Tensor2D[]);
        return this.#loss.scalar(own, this.#splitTeacher(teacher), labels, (evaluation, seen) => {
          // Before the weights are touched: an error leaves the student as it was.
          refuseNotFinite(evaluation, where, at);
          result = { evaluation, logits: seen.logits };
        });
      }, [...this.#optimizer.variables]);
      this.#optimizer.apply(grads, at.step - 1);
    });
    return result!;
  }

  /** Hidden states come as the last of the features, a row for each sample. */
  #splitTensors(logits: Tensor2D, features: readonly Tensor2D[]): OutputTensors {
    const { hidden } = this.setup;
    if (!hidden) return { logits, features };
    const states = tf.reshape(features.at(-1)!, [-1, hidden.student]) as Tensor2D;
    return { logits, hidden: states, features: features.slice(0, -1) };
  }

  #splitTeacher({ logits, features }: TeacherOutputs): Outputs {
    const { hidden } = this.setup;
    if (!hidden) return { logits, features } as Outputs;
    const states = rowsOf(features.at(-1)!, hidden.teacher);
    return { logits, hidden: states, features: features.slice(0, -1) } as Outputs;
  }

  async setLossWeights(weights: TermWeights): Promise<void> {
    this.#loss = this.#loss.withWeights(weights);
  }

  evaluate(set: SampleSet, signal: AbortSignal | undefined): Promise<Evaluation> {
    const { student } = this.setup;
    return evaluateInParts(set, student.classes, (part) => {
      signal?.throwIfAborted();
      return allOutputs(student, part).logits;
    });
  }

  weights(): Scalars[] {
    return this.#variables().map((variable) => Float32Array.from(variable.dataSync()));
  }

  setWeights(weights: readonly Scalars[]): void {
    tf.tidy(() => {
      this.#variables().forEach((variable, w) => {
        variable.assign(tf.tensor(Float32Array.from(weights[w]), variable.shape));
      });
    });
  }

  async state(): Promise<EngineState> {
    return { weights: this.weights(), optimizer: await this.#optimizer.state() };
  }

  async restore({ weights, optimizer }: EngineState): Promise<void> {
    this.setWeights(weights);
    await this.#optimizer.restore(optimizer);
  }

  #variables(): Variable[] {
    const { trainableWeights, nonTrainableWeights } = this.setup.student.model;
    return [...new Set([...trainableWeights, ...nonTrainableWeights])].map((weight) => weight.read() as Variable);
  }

  dispose(): void {
    this.#optimizer.dispose();
  }
}

/** The first term that is not finite, in the order in which terms are computed. */
function refuseNotFinite(evaluation: LossEvaluation, where: string, at: { step: number; epoch: number }): void {
  for (const term of TERMS) {
    const value = evaluation.terms[term];
    if (value && !(Number.isFinite(value.raw) && Number.isFinite(value.gradientNorm))) {
      throw notFiniteError(where, term, value, at);
    }
  }
}
