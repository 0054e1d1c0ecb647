import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { angleLossGradient, distanceLossGradient } from '../engine/relational.js';
import type { LossGradient, Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { crossEntropyGradient } from './crossEntropy.js';
import { hiddenLossGradient } from './hidden.js';
import { kdLossGradient } from './kd.js';
import { type Projection, project } from './projection.js';
import { kernelMatrices, type QuantumLossOptions, quantumLossGradient } from './quantum.js';
import type { TermWeights } from './targetRatios.js';
import { checkSameRows, gradientTensor, matrixOf, splitRows } from './tensors.js';
import { comparedBy, type Outputs, type Share, sumOfShares, TERMS, type Term, type TermValue } from './terms.js';

export interface LossEvaluation {
  /** Sum of the weighted terms. */
  loss: number;
  /** Terms of weight above 0. */
  terms: Partial<Record<Term, TermValue>>;
  /** d loss / d logits and d loss / d features of each pair, float32; only for the outputs that a term uses. */
  gradient: { logits?: Matrix; hidden?: Matrix; features?: Matrix[] };
  /** Rows that an amplitude map could not encode (all zero), both sides together. */
  zeroVectors: number;
}

/** What the relational terms compare: a layer of the student with one of the teacher. */
export interface PreparedPair {
  readonly weight: number;
  /** Rows that the terms see in one row of features. */
  readonly rowsPerSample: number;
  /** The quantum term as it was fitted to the pair, where there is one. */
  readonly quantum?: QuantumLossOptions;
}

/** The student's outputs as tensors: logits [N, C], hidden states [N, d], features [N, f] of every pair. */
export interface OutputTensors {
  logits: Tensor2D;
  hidden?: Tensor2D;
  features?: readonly Tensor2D[];
}

/** What {@link BatchLoss.scalar} tells: the terms, and the student's outputs as they were read for them. */
export type OnEvaluation = (evaluation: LossEvaluation, student: Outputs & { logits: Matrix }) => void;

/** Sums what a batch's terms push into one output. */
type Accumulator = Matrix<Float32Array>;

/** A loss made ready for one pair of models: made by `QrkdLoss.prepare`. */
export class BatchLoss {
  constructor(
    readonly weights: TermWeights,
    readonly temperature: number,
    readonly pairs: readonly PreparedPair[],
    /** Narrows the teacher's hidden states where they are wider than the student's. */
    readonly hidden?: Projection,
  ) {}

  /** The same with other weights, for the same terms. */
  withWeights(weights: TermWeights): BatchLoss {
    return new BatchLoss(weights, this.temperature, this.pairs, this.hidden);
  }

  /**
   * Value and gradient for one batch, on plain matrices. Not-finite student outputs give terms that are NaN. Logits have a row
   * for each label: of sequences one for each token, of which those with label -1 do not count.
   */
  evaluate(student: Outputs, teacher: Outputs, labels: Int32Array): LossEvaluation {
    let zeroVectors = 0;
    const compute = (term: Term, s: Matrix, t: Matrix, pair: number): LossGradient => {
      if (term === 'ce') return crossEntropyGradient(s, labels);
      if (term === 'kd') return kdLossGradient(s, t, this.temperature, labels);
      if (term === 'hidden') return hiddenLossGradient(s, this.hidden ? project(t, this.hidden) : t, labels);
      if (term === 'distance') return distanceLossGradient(s, t);
      if (term === 'angle') return angleLossGradient(s, t);
      const value = quantumLossGradient(s, t, this.pairs[pair].quantum!);
      zeroVectors += value.zeroVectors;
      return value;
    };
    const terms: LossEvaluation['terms'] = {};
    const gradient: { logits?: Accumulator; hidden?: Accumulator; features?: Accumulator[] } = {};
    let loss = 0;
    for (const term of TERMS) {
      const weight = this.weights[term];
      if (weight === 0) continue;
      const what = comparedBy(term);
      const own = this.#compared(student, 'student', term);
      const others = term === 'ce' ? own : this.#compared(teacher, 'teacher', term);
      if (what === 'features') gradient.features ??= own.map(zerosLike);
      else gradient[what] ??= zerosLike(own[0]);
      const into = [gradient[what]!].flat();
      const shares = own.map((s, p): Share => {
        checkSameRows(s, others[p], term);
        const { weight: share, rowsPerSample } = what === 'features' ? this.pairs[p] : { weight: 1, rowsPerSample: 1 };
        // The engine refuses not-finite input with an error of its own; a training loop wants to know term and step.
        if (!isFiniteMatrix(s)) return { raw: Number.NaN, gradientNorm: Number.NaN, weight: share };
        const value = compute(term, splitRows(s, rowsPerSample), splitRows(others[p], rowsPerSample), p);
        addScaled(into[p], value.gradient, weight * share);
        return { raw: value.loss, gradientNorm: norm(value.gradient), weight: share };
      });
      terms[term] = sumOfShares(shares, weight);
      loss += terms[term].weighted;
    }
    return { loss, terms, gradient, zeroVectors };
  }

  /** The matrices that a term compares: the logits, the hidden states, or the features of every pair. */
  #compared({ logits, hidden, features }: Outputs, side: string, term: Term): readonly Matrix[] {
    const found = { logits: logits && [logits], hidden: hidden && [hidden], features }[comparedBy(term)];
    const wanted = comparedBy(term) === 'features' ? this.pairs.length : 1;
    if (found?.length === wanted) return found;
    const names = { logits: 'logits', hidden: 'hidden states', features: 'features' };
    const what = wanted === 1 ? names[comparedBy(term)] : `features of ${wanted} pairs`;
    const got = found === undefined ? '' : `, got ${found.length}`;
    throw new QrkdTypeError('ERR_QRKD_TYPE', `qrkdLoss: the term "${term}" needs the ${side}'s ${what}${got}`);
  }

  /**
   * The same as a differentiable tf.Scalar, for training loops of one's own: logits [N, C], hidden states [N, d] and features
   * [N, f] carry the gradient.
   */
  scalar(student: OutputTensors, teacher: Outputs, labels: Int32Array, onEvaluation?: OnEvaluation): Scalar {
    const { logits, hidden, features } = student;
    const op = tf.customGrad((...args) => {
      const save = args.pop() as unknown as (tensors: Tensor[]) => void;
      const [first, ...others] = args as Tensor[];
      const states = hidden && others[0];
      const rest = hidden ? others.slice(1) : others;
      const outputs = {
        logits: matrixOf(first, "qrkdLoss: the student's logits"),
        ...(states && { hidden: matrixOf(states, "qrkdLoss: the student's hidden states") }),
        ...(features && { features: rest.map((tensor) => matrixOf(tensor, "qrkdLoss: the student's features")) }),
      };
      const evaluation = this.evaluate(outputs, teacher, labels);
      onEvaluation?.(evaluation, outputs);
      // An output that no term uses still has a gradient: zero.
      const { gradient } = evaluation;
      const ofRest = rest.map((_, p) => gradient.features?.[p]);
      const gradients = [gradient.logits, ...(hidden ? [gradient.hidden] : []), ...ofRest];
      save(gradients.map((g, k) => (g ? gradientTensor(g) : tf.zerosLike([first, ...others][k]))));
      return {
        value: tf.scalar(evaluation.loss),
        gradFunc: (dy: Tensor, saved: Tensor[]) => saved.map((g) => tf.mul(g, dy)),
      };
    });
    return op(logits, ...(hidden ? [hidden] : []), ...(features ?? [])) as Scalar;
  }

  /**
   * The kernel matrices that the quantum term compares, [N, N] each, for features of N samples, or of N tokens where each is a
   * row. Needs a quantum term.
   *
   * @param pair which pair of layers the features are of, counted from 0.
   */
  kernelMatrices(student: Matrix, teacher: Matrix, pair = 0): { student: Matrix; teacher: Matrix } {
    const { quantum, rowsPerSample = 1 } = this.pairs[pair] ?? {};
    if (quantum === undefined) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', 'kernelMatrices: the loss has no quantum term');
    }
    return kernelMatrices(splitRows(student, rowsPerSample), splitRows(teacher, rowsPerSample), quantum);
  }
}

function zerosLike({ data, shape }: Matrix): Accumulator {
  return { data: new Float32Array(data.length), shape };
}

function addScaled({ data }: Accumulator, values: Matrix, factor: number): void {
  for (let k = 0; k < data.length; k++) data[k] += factor * values.data[k];
}

function isFiniteMatrix({ data }: Matrix): boolean {
  for (let k = 0; k < data.length; k++) if (!Number.isFinite(data[k])) return false;
  return true;
}

function norm({ data }: Matrix): number {
  let square = 0;
  for (let k = 0; k < data.length; k++) square += data[k] * data[k];
  return Math.sqrt(square);
}
