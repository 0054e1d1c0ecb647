import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { angleLossGradient, distanceLossGradient } from '../engine/relational.js';
import type { Kernel, KernelLossForm, LossGradient, Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { crossEntropyGradient } from './crossEntropy.js';
import { checkTemperature, DEFAULT_TEMPERATURE, kdLossGradient } from './kd.js';
import { type LossPreset, lossPreset } from './presets.js';
import { orthogonalProjection, type Projection, pcaProjection } from './projection.js';
import {
  checkQuantumOptions,
  kernelMatrices,
  kernelWidth,
  type QuantumLossOptions,
  quantumLossGradient,
} from './quantum.js';
import { checkSameRows, gradientTensor, matrixOf } from './tensors.js';

/** The terms of the loss, in the order in which they are computed and reported. */
export const TERMS = ['ce', 'kd', 'distance', 'angle', 'quantum'] as const;
export type Term = (typeof TERMS)[number];

export interface ProjectionOptions {
  /** How the teacher's features are narrowed: 'pca' of its training features (default) or a fixed random 'orthogonal' map. */
  teacher?: 'pca' | 'orthogonal';
  /** Features that the teacher's kernel sees; default: as many as its map takes, all for RBF and cosine. */
  teacherFeatures?: number;
  /** Features that the student's kernel sees, through a fixed random orthogonal map where the student has more. */
  studentFeatures?: number;
  /** Seed of the orthogonal maps, default 0. */
  seed?: number;
}

export interface QrkdLossOptions {
  /** Weights and temperature from the literature or from us, by name; those given beside it replace its own. */
  preset?: LossPreset;
  /** Weight of the cross-entropy with the labels, default 1. The other weights are 0 unless given. */
  ce?: number;
  /** Weight of the logits' distillation ({@link kdLoss}). */
  kd?: number;
  /** Temperature of the logits' distillation, default 4. */
  temperature?: number;
  /** Weight of {@link distanceLoss}. */
  distance?: number;
  /** Weight of {@link angleLoss}. */
  angle?: number;
  /** Weight of {@link quantumLoss}; needs `kernels`. */
  quantum?: number;
  /** Kernels of both sides for the quantum term. */
  kernels?: { student: Kernel; teacher: Kernel };
  /** How the quantum term compares the two kernel matrices, default 'smooth-l1'. */
  form?: KernelLossForm;
  /** Mean pairwise distance of the features that the kernels see, default 2; null leaves the features as they are. */
  scale?: number | null;
  /** How features wider than a kernel takes are narrowed; features that fit are not touched. */
  projection?: ProjectionOptions;
}

/** Outputs of a model for one batch: logits [N, C] and features [N, f]. */
export interface Outputs {
  logits?: Matrix;
  features?: Matrix;
}

export interface TermValue {
  /** The term itself. */
  raw: number;
  /** Weight times `raw`: what it adds to the loss. */
  weighted: number;
  /** Frobenius norm of d raw / d (student's logits or features) over the batch. */
  gradientNorm: number;
}

export interface LossEvaluation {
  /** Sum of the weighted terms. */
  loss: number;
  /** Terms of weight above 0. */
  terms: Partial<Record<Term, TermValue>>;
  /** d loss / d logits and d loss / d features, float32; only for the outputs that a term uses. */
  gradient: { logits?: Matrix; features?: Matrix };
  /** Rows that an amplitude map could not encode (all zero), both sides together. */
  zeroVectors: number;
}

/** A loss made ready for one pair of models. */
export interface BatchLoss {
  /** Value and gradient for one batch, on plain matrices. Not-finite student outputs give terms that are NaN. */
  evaluate(student: Outputs, teacher: Outputs, labels: Int32Array): LossEvaluation;
  /**
   * The same as a differentiable tf.Scalar, for training loops of one's own: logits [N, C] and features [N, f] carry the
   * gradient. `onEvaluation` receives the terms, and the student's outputs as they were read for them.
   */
  scalar(
    student: { logits: Tensor2D; features?: Tensor2D },
    teacher: Outputs,
    labels: Int32Array,
    onEvaluation?: (evaluation: LossEvaluation, student: Outputs & { logits: Matrix }) => void,
  ): Scalar;
  /** The quantum term as it was fitted to the models, where there is one. */
  readonly quantum?: QuantumLossOptions;
  /** The kernel matrices that the quantum term compares, [N, N] each, for features of N samples. Needs a quantum term. */
  kernelMatrices(student: Matrix, teacher: Matrix): { student: Matrix; teacher: Matrix };
}

const KEYS = ['preset', ...TERMS, 'temperature', 'kernels', 'form', 'scale', 'projection'] as const;
const PROJECTION_KEYS = ['teacher', 'teacherFeatures', 'studentFeatures', 'seed'] as const;

/** The weighted sum of the distillation terms; made by {@link qrkdLoss}, used by `distill`. */
export class QrkdLoss {
  readonly weights: Readonly<Record<Term, number>>;
  readonly temperature: number;
  /** Whether a term compares features. */
  readonly needsFeatures: boolean;
  /** Whether a term needs the teacher at all. */
  readonly needsTeacher: boolean;

  constructor(readonly options: QrkdLossOptions) {
    rejectUnknownKeys(options, KEYS, 'qrkdLoss');
    const preset = options.preset === undefined ? undefined : lossPreset(options.preset, 'qrkdLoss');
    const weights = {} as Record<Term, number>;
    for (const term of TERMS) {
      const weight = options[term] ?? preset?.[term] ?? (term === 'ce' ? 1 : 0);
      if (!(weight >= 0 && Number.isFinite(weight))) {
        throw new QrkdRangeError('ERR_QRKD_VALUE', `qrkdLoss: ${term} must be a weight of at least 0, got ${weight}`);
      }
      weights[term] = weight;
    }
    if (TERMS.every((term) => weights[term] === 0)) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', 'qrkdLoss: at least one weight must be above 0');
    }
    this.weights = weights;
    this.temperature = checkTemperature(options.temperature ?? preset?.temperature ?? DEFAULT_TEMPERATURE, 'qrkdLoss');
    this.needsFeatures = weights.distance > 0 || weights.angle > 0 || weights.quantum > 0;
    this.needsTeacher = weights.kd > 0 || this.needsFeatures;
    rejectUnknownKeys(options.projection ?? {}, PROJECTION_KEYS, 'qrkdLoss: projection');
    if (weights.quantum > 0) {
      if (options.kernels === undefined) {
        throw new QrkdTypeError(
          'ERR_QRKD_TYPE',
          'qrkdLoss: a quantum weight above 0 needs kernels: { student, teacher }, got none',
        );
      }
      checkQuantumOptions({ ...options.kernels, ...this.#comparison() }, 'qrkdLoss: kernels');
    }
  }

  #comparison(): Pick<QuantumLossOptions, 'form' | 'scale'> {
    const { form, scale } = this.options;
    return { ...(form !== undefined && { form }), ...(scale !== null && { scale: scale ?? 2 }) };
  }

  /**
   * Fits what depends on the models: the projections of the quantum term.
   *
   * @param teacherFeatures the teacher's features of the whole training set [N, g]; read only by the quantum term.
   * @param studentWidth the student's number of features.
   */
  prepare(teacherFeatures: Matrix | undefined, studentWidth: number | undefined): BatchLoss {
    const quantum = this.#prepareQuantum(teacherFeatures, studentWidth);
    const evaluate = (student: Outputs, teacher: Outputs, labels: Int32Array) =>
      this.#evaluate(student, teacher, labels, quantum);
    return {
      ...(quantum && { quantum }),
      evaluate,
      scalar: (student, ...rest) => scalarOf(evaluate, student, ...rest),
      kernelMatrices(student, teacher) {
        if (quantum === undefined) {
          throw new QrkdRangeError('ERR_QRKD_VALUE', 'kernelMatrices: the loss has no quantum term');
        }
        return kernelMatrices(student, teacher, quantum);
      },
    };
  }

  #prepareQuantum(
    teacherFeatures: Matrix | undefined,
    studentWidth: number | undefined,
  ): QuantumLossOptions | undefined {
    const { kernels, projection: options = {} } = this.options;
    if (this.weights.quantum === 0 || kernels === undefined) return undefined;
    if (teacherFeatures === undefined || studentWidth === undefined) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', "qrkdLoss: the quantum term needs both models' features");
    }
    const teacherWidth = teacherFeatures.shape[1];
    const teacherTakes = options.teacherFeatures ?? kernelWidth(kernels.teacher) ?? teacherWidth;
    const studentTakes = options.studentFeatures ?? kernelWidth(kernels.student) ?? studentWidth;
    const projection: { student?: Projection; teacher?: Projection } = {};
    // A kernel that takes more features than there are is refused by the term itself, which names both numbers.
    if (teacherTakes < teacherWidth) {
      projection.teacher =
        options.teacher === 'orthogonal'
          ? orthogonalProjection(teacherWidth, teacherTakes, options.seed)
          : pcaProjection(teacherFeatures, teacherTakes);
    }
    if (studentTakes < studentWidth) {
      projection.student = orthogonalProjection(studentWidth, studentTakes, options.seed);
    }
    return { ...kernels, ...this.#comparison(), projection };
  }

  #evaluate(
    student: Outputs,
    teacher: Outputs,
    labels: Int32Array,
    quantum: QuantumLossOptions | undefined,
  ): LossEvaluation {
    const terms: LossEvaluation['terms'] = {};
    const gradient: LossEvaluation['gradient'] = {};
    let loss = 0;
    let zeroVectors = 0;
    const add = (term: Term, output: 'logits' | 'features', compute: (s: Matrix, t: Matrix) => LossGradient): void => {
      const weight = this.weights[term];
      if (weight === 0) return;
      const s = need(student[output], `student's ${output}`, term);
      const t = term === 'ce' ? s : need(teacher[output], `teacher's ${output}`, term);
      checkSameRows(s, t, term);
      // The engine refuses not-finite input with an error of its own; a training loop wants to know term and step.
      const value = isFiniteMatrix(s) ? compute(s, t) : undefined;
      const raw = value ? value.loss : Number.NaN;
      terms[term] = { raw, weighted: weight * raw, gradientNorm: value ? norm(value.gradient) : Number.NaN };
      loss += weight * raw;
      gradient[output] ??= { data: new Float32Array(s.data.length), shape: s.shape };
      const sum = gradient[output].data;
      if (value) for (let k = 0; k < sum.length; k++) sum[k] += weight * value.gradient.data[k];
    };
    add('ce', 'logits', (s) => crossEntropyGradient(s, labels));
    add('kd', 'logits', (s, t) => kdLossGradient(s, t, this.temperature));
    add('distance', 'features', distanceLossGradient);
    add('angle', 'features', angleLossGradient);
    add('quantum', 'features', (s, t) => {
      const value = quantumLossGradient(s, t, quantum!);
      zeroVectors = value.zeroVectors;
      return value;
    });
    return { loss, terms, gradient, zeroVectors };
  }

  /** Plain JSON of the loss, from which its configuration can be recorded. */
  toJSON(): Record<string, unknown> {
    const { kernels, form, scale, projection } = this.options;
    return {
      ...this.weights,
      temperature: this.temperature,
      ...(this.weights.quantum > 0 && {
        kernels: { student: kernels!.student.toJSON(), teacher: kernels!.teacher.toJSON() },
        form: form ?? 'smooth-l1',
        scale: scale === undefined ? 2 : scale,
        projection: { teacher: 'pca', seed: 0, ...projection },
      }),
    };
  }
}

function need(matrix: Matrix | undefined, what: string, term: Term): Matrix {
  if (matrix === undefined) throw new QrkdTypeError('ERR_QRKD_TYPE', `qrkdLoss: the term "${term}" needs the ${what}`);
  return matrix;
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

function scalarOf(
  evaluate: BatchLoss['evaluate'],
  student: { logits: Tensor2D; features?: Tensor2D },
  teacher: Outputs,
  labels: Int32Array,
  onEvaluation?: (evaluation: LossEvaluation, student: Outputs & { logits: Matrix }) => void,
): Scalar {
  const { logits, features } = student;
  const op = tf.customGrad((...args) => {
    const outputs = {
      logits: matrixOf(args[0] as Tensor, "qrkdLoss: the student's logits"),
      ...(features && { features: matrixOf(args[1] as Tensor, "qrkdLoss: the student's features") }),
    };
    const evaluation = evaluate(outputs, teacher, labels);
    onEvaluation?.(evaluation, outputs);
    const save = args[args.length - 1] as unknown as (tensors: Tensor[]) => void;
    // An output that no term uses still has a gradient: zero.
    const { gradient } = evaluation;
    save([
      gradient.logits ? gradientTensor(gradient.logits) : tf.zerosLike(logits),
      ...(features ? [gradient.features ? gradientTensor(gradient.features) : tf.zerosLike(features)] : []),
    ]);
    return {
      value: tf.scalar(evaluation.loss),
      gradFunc: (dy: Tensor, saved: Tensor[]) => saved.map((g) => tf.mul(g, dy)),
    };
  });
  return (features ? op(logits, features) : op(logits)) as Scalar;
}

/**
 * The loss of quantum relational knowledge distillation,
 * ce CE + kd T^2 KL + distance D + angle A + quantum Q, with the numbers given as weights.
 *
 * The quantum term sees features that are narrowed (teacher: principal components of its training features; student: a
 * fixed orthogonal map; only where they are wider than the kernel takes, and never by cutting off), then centred and scaled
 * to a mean pairwise distance of `scale` within the batch, on both sides; on the student's side all of this is part of the
 * gradient.
 *
 * `preset` names a set of weights ({@link lossPreset}): qrkdLoss({ preset: 'rkd-classification', kd: 1 }).
 *
 * @throws TypeError or RangeError naming the option.
 * @example
 * const loss = qrkdLoss({ ce: 1, kd: 1, distance: 1, angle: 2, quantum: 30, kernels: {
 *   teacher: new FidelityKernel(featureMap({ type: 'zz', features: 8, reps: 1, bandwidth: 0.1 }), { precision: 'float32' }),
 *   student: new FidelityKernel(featureMap({ type: 'zz', features: 4, reps: 1, bandwidth: 0.1 }), { precision: 'float32' }),
 * } });
 */
export function qrkdLoss(options: QrkdLossOptions = {}): QrkdLoss {
  return new QrkdLoss(options);
}
