import type { Kernel, KernelLossForm, Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { BatchLoss, type PreparedPair } from './batchLoss.js';
import { checkTemperature, DEFAULT_TEMPERATURE } from './kd.js';
import { type LossPreset, lossPreset } from './presets.js';
import { orthogonalProjection, type Projection, pcaProjection } from './projection.js';
import { checkKernelWidth, checkQuantumOptions, kernelWidth, type QuantumLossOptions } from './quantum.js';
import { checkTargetRatios, type TargetRatios } from './targetRatios.js';
import { splitRows } from './tensors.js';
import { TERMS, type Term } from './terms.js';

export { TERMS, type Term, type TermValue } from './terms.js';

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
  /** Weight of 1 - cosine between hidden states, token by token, as DistilGPT2 was trained. */
  hidden?: number;
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
  /**
   * Off by default, and read by `distill` only: sets terms' weights anew before every epoch but the first, so that the norm of
   * a term's weighted gradient is this multiple of the cross-entropy's, by the mean norms of the epoch before. The weights
   * used are in the metrics. To match a kernel term's norm with the cross-entropy's was measured to cost accuracy.
   */
  targetRatios?: TargetRatios;
}

/** Numbers of both models' features, or hidden states. */
export interface Widths {
  student: number;
  teacher: number;
}

/** The features that a pair of layers compares, as the loss is fitted to them. */
export interface FeatureFit {
  /** The teacher's features of the whole training set [N, g]. */
  teacher: Matrix;
  /** The student's number of features. */
  studentWidth: number;
  /** Of the pair in every relational term, default 1. */
  weight?: number;
  /** Rows that the relational terms see in one of the teacher's, and the student's, default 1: tokens of a sequence. */
  rowsPerSample?: number;
}

const KEYS = ['preset', ...TERMS, 'temperature', 'kernels', 'form', 'scale', 'projection', 'targetRatios'] as const;
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
    this.needsTeacher = weights.kd > 0 || weights.hidden > 0 || this.needsFeatures;
    rejectUnknownKeys(options.projection ?? {}, PROJECTION_KEYS, 'qrkdLoss: projection');
    if (options.targetRatios !== undefined) checkTargetRatios(options.targetRatios, weights, 'qrkdLoss');
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
   * Fits what depends on the models: the projections of the quantum term, for every pair of layers that is compared.
   *
   * @param pairs one for each pair; none where no term compares features.
   * @param hidden hidden states of some tokens, for a projection where the teacher's are wider than the student's.
   */
  prepare(pairs: readonly FeatureFit[] = [], hidden?: FeatureFit): BatchLoss {
    if (this.needsFeatures && pairs.length === 0) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', "qrkdLoss: the relational terms need both models' features");
    }
    const prepared = pairs.map(
      ({ teacher, studentWidth, weight = 1, rowsPerSample = 1 }): PreparedPair => ({
        weight,
        rowsPerSample,
        ...(this.weights.quantum > 0 && {
          quantum: this.#fitQuantum({
            teacher: splitRows(teacher, rowsPerSample),
            studentWidth: studentWidth / rowsPerSample,
          }),
        }),
      }),
    );
    return new BatchLoss(this.weights, this.temperature, prepared, hidden && fitHidden(hidden));
  }

  /**
   * How many features the quantum term's kernels are given, where the models have so many.
   *
   * @throws RangeError ERR_QRKD_SHAPE where a kernel cannot take them.
   */
  narrowedWidths({ student, teacher }: Widths): Widths {
    const { studentFeatures, teacherFeatures } = this.options.projection ?? {};
    const kernels = this.options.kernels!;
    const narrowed = {
      student: Math.min(studentFeatures ?? kernelWidth(kernels.student) ?? student, student),
      teacher: Math.min(teacherFeatures ?? kernelWidth(kernels.teacher) ?? teacher, teacher),
    };
    checkKernelWidth(kernels.student, narrowed.student, 'student');
    checkKernelWidth(kernels.teacher, narrowed.teacher, 'teacher');
    return narrowed;
  }

  #fitQuantum({ teacher, studentWidth }: FeatureFit): QuantumLossOptions {
    const { projection: options = {} } = this.options;
    const teacherWidth = teacher.shape[1];
    const narrowed = this.narrowedWidths({ student: studentWidth, teacher: teacherWidth });
    const projection: { student?: Projection; teacher?: Projection } = {};
    if (narrowed.teacher < teacherWidth) {
      projection.teacher =
        options.teacher === 'orthogonal'
          ? orthogonalProjection(teacherWidth, narrowed.teacher, options.seed)
          : pcaProjection(teacher, narrowed.teacher);
    }
    if (narrowed.student < studentWidth) {
      projection.student = orthogonalProjection(studentWidth, narrowed.student, options.seed);
    }
    return { ...this.options.kernels!, ...this.#comparison(), projection };
  }

  /** Plain JSON of the loss, from which its configuration can be recorded. */
  toJSON(): Record<string, unknown> {
    const { kernels, form, scale, projection, targetRatios } = this.options;
    return {
      ...this.weights,
      temperature: this.temperature,
      ...(targetRatios && { targetRatios }),
      ...(this.weights.quantum > 0 && {
        kernels: { student: kernels!.student.toJSON(), teacher: kernels!.teacher.toJSON() },
        form: form ?? 'smooth-l1',
        scale: scale === undefined ? 2 : scale,
        projection: { teacher: 'pca', seed: 0, ...projection },
      }),
    };
  }
}

/** Refuses hidden states of a teacher that are narrower than the student's: there is nothing to tell the other directions. */
export function checkHiddenWidths({ student, teacher }: Widths): void {
  if (teacher >= student) return;
  throw new QrkdRangeError(
    'ERR_QRKD_SHAPE',
    `the term "hidden": the teacher's hidden states have ${teacher} numbers, the student's ${student}; the teacher's must be as wide or wider`,
  );
}

/** Principal components where the teacher's hidden states are wider. Ours: DistilGPT2's were as wide as its teacher's. */
function fitHidden({ teacher, studentWidth }: FeatureFit): Projection | undefined {
  checkHiddenWidths({ student: studentWidth, teacher: teacher.shape[1] });
  return teacher.shape[1] > studentWidth ? pcaProjection(teacher, studentWidth) : undefined;
}

/**
 * The loss of quantum relational knowledge distillation,
 * ce CE + kd T^2 KL + hidden H + distance D + angle A + quantum Q, with the numbers given as weights.
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
