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
import { accumulate, type MicroBatch } from './microBatches.js';
import { allOutputs, joined, type OpenedModel, rowsOf } from './outputs.js';
import { gatherLabels, gatherRows, type SampleSet, sliceSamples, sliceTensor } from './samples.js';
import type { Inputs, TeacherOutputs } from './teacher.js';
import { TfjsOptimizer } from './tfjsOptimizer.js';

/** A batch to take a step on. */
interface StepCall {
  /** Of the training set. */
  rows: Uint32Array;
  /** These samples, augmented. */
  batch: Inputs;
  labels: Int32Array;
  signal: AbortSignal | undefined;
  at: { step: number; epoch: number };
}

interface StepResult {
  evaluation: Omit<LossEvaluation, 'gradient'>;
  /** Labels that the largest logit found. */
  correct: number;
}

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
    const { train, augment, where, microBatch } = this.setup;
    let step = firstStep;
    for (const rows of batches) {
      signal?.throwIfAborted();
      const start = performance.now();
      step++;
      const batch = augmentBatch(train, { epoch, step, rows }, augment, where);
      const call = { rows, batch, labels: gatherLabels(train, rows), signal, at: { step, epoch } };
      const { evaluation, correct } = await (microBatch ? this.#stepInParts(call, microBatch) : this.#stepAtOnce(call));
      onStep({
        loss: evaluation.loss,
        terms: evaluation.terms,
        zeroVectors: evaluation.zeroVectors,
        counted: countedLabels(call.labels),
        correct,
        milliseconds: performance.now() - start,
      });
      // Steps are synchronous: without this neither a signal nor a progress bar would get a turn.
      await new Promise(setImmediate);
    }
  }

  /** One step; tensors live no longer than it. */
  async #stepAtOnce({ rows, batch, labels, signal, at }: StepCall): Promise<StepResult> {
    const { student, where } = this.setup;
    const teacher = this.#splitTeacher(await this.#teacherOf(rows, batch, signal));
    let result: StepResult | undefined;
    tf.tidy(() => {
      const x = sliceTensor(batch, 0, batch.shape[0]);
      const { grads } = tf.variableGrads(
        () =>
          this.#loss.scalar(this.#splitTensors(student.apply(x, true)), teacher, labels, (evaluation, { logits }) => {
            // Before the weights are touched: an error leaves the student as it was.
            refuseNotFinite(evaluation, where, at);
            result = { evaluation, correct: countCorrect(logits, labels) };
          }),
        [...this.#optimizer.variables],
      );
      this.#optimizer.apply(grads, at.step - 1);
    });
    return result!;
  }

  /** The same step, in the memory of `size` samples. */
  async #stepInParts({ rows, batch, labels, signal, at }: StepCall, size: number): Promise<StepResult> {
    const { student, where } = this.setup;
    const whole = { ...batch, labels };
    const pieces = Array.from({ length: Math.ceil(rows.length / size) }, (_, p) =>
      sliceSamples(whole, p * size, Math.min(rows.length, (p + 1) * size)),
    );
    const parts = pieces.map((piece, p): MicroBatch => {
      const [samples] = piece.shape;
      return {
        samples,
        labels: piece.labels,
        student: () => this.#splitTensors(student.apply(sliceTensor(piece, 0, samples), true)),
        teacher: async () =>
          this.#splitTeacher(await this.#teacherOf(rows.subarray(p * size, p * size + samples), piece, signal)),
      };
    });
    let correct = 0;
    const related = await this.#relatedFeatures(rows, pieces, signal);
    const { variables } = this.#optimizer;
    const { evaluation, gradients } = await accumulate(this.#loss, parts, related, variables, (logits, part) => {
      correct += countCorrect(logits, part.labels);
    });
    try {
      refuseNotFinite(evaluation, where, at);
      this.#optimizer.apply(gradients, at.step - 1);
    } finally {
      tf.dispose(gradients);
    }
    return { evaluation, correct };
  }

  /** What the teacher says of some samples: it runs on the inputs, or what it said of these rows of the training set is known. */
  async #teacherOf(rows: Uint32Array, inputs: Inputs, signal: AbortSignal | undefined): Promise<TeacherOutputs> {
    const { target, teacher } = this.setup;
    if (teacher) return teacher.outputs(inputs, signal, rows);
    return {
      ...(target.logits && { logits: gatherRows(target.logits, rows) }),
      features: target.features.map((matrix) => gatherRows(matrix, rows)),
    };
  }

  /** The teacher's features that relational terms compare, without its logits: those of a whole batch might be too large. */
  async #relatedFeatures(
    rows: Uint32Array,
    pieces: readonly Inputs[],
    signal: AbortSignal | undefined,
  ): Promise<readonly Matrix[]> {
    const { target, teacher, augment, hidden } = this.setup;
    const { distance, angle, quantum } = this.#loss.weights;
    if (distance + angle + quantum === 0) return [];
    const last = hidden ? -1 : undefined;
    if (!teacher || !augment) return target.features.slice(0, last).map((matrix) => gatherRows(matrix, rows));
    const found: (readonly Matrix[])[] = [];
    for (const piece of pieces) found.push((await teacher.features(piece, signal)).slice(0, last));
    return found[0].map((_, pair) =>
      joined(
        found.map((features) => features[pair].data),
        rows.length,
      ),
    );
  }

  /** Hidden states come as the last of the features, a row for each sample. */
  #splitTensors(outputs: ReturnType<OpenedModel['apply']>): OutputTensors {
    const { hidden } = this.setup;
    const { logits, features } = outputs as { logits: Tensor2D; features: Tensor2D[] };
    if (!hidden) return { logits, features };
    const states = tf.reshape(features.at(-1)!, [-1, hidden.student]) as Tensor2D;
    return { logits, hidden: states, features: features.slice(0, -1) };
  }

  /** Logits of tokens have a row each, however a teacher of the caller's gives them. */
  #splitTeacher({ logits: given, features }: TeacherOutputs): Outputs {
    const { hidden, student } = this.setup;
    const logits = given && student.perToken ? rowsOf(given, student.classes) : given;
    if (!hidden) return { logits, features } as Outputs;
    const states = rowsOf(features.at(-1)!, hidden.teacher);
    return { logits, hidden: states, features: features.slice(0, -1) } as Outputs;
  }

  async setLossWeights(weights: TermWeights): Promise<void> {
    this.#loss = this.#loss.withWeights(weights);
  }

  evaluate(set: SampleSet, signal: AbortSignal | undefined): Promise<Evaluation> {
    const { student, microBatch } = this.setup;
    return evaluateInParts(set, student.classes, (part) => {
      signal?.throwIfAborted();
      return allOutputs(student, part, microBatch).logits;
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

function countCorrect(logits: Matrix, labels: Int32Array): number {
  const best = argmaxRows(logits);
  return labels.reduce((sum, label, i) => sum + (best[i] === label ? 1 : 0), 0);
}

/** The first term that is not finite, in the order in which terms are computed. */
function refuseNotFinite(
  evaluation: StepResult['evaluation'],
  where: string,
  at: { step: number; epoch: number },
): void {
  for (const term of TERMS) {
    const value = evaluation.terms[term];
    if (value && !(Number.isFinite(value.raw) && Number.isFinite(value.gradientNorm))) {
      throw notFiniteError(where, term, value, at);
    }
  }
}
