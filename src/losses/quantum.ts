import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core';
import { kernelLossGradient } from '../engine/relational.js';
import type { Kernel, KernelLossForm, LossGradient, Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { FidelityKernel } from '../kernels/FidelityKernel.js';
import { ProjectedKernel } from '../kernels/ProjectedKernel.js';
import { type Projection, project, projectGradient } from './projection.js';
import { centreAndScale } from './scaling.js';
import { checkSameRows, matrixOf, scalarLoss } from './tensors.js';

export const KERNEL_LOSS_FORMS: readonly KernelLossForm[] = [
  'smooth-l1',
  'smooth-l1-off-diagonal',
  'squared',
  'alignment',
];

export interface QuantumLossOptions {
  /** Kernel of the student's features; gradients flow through it. */
  student: Kernel;
  /** Kernel of the teacher's features; its number of qubits may differ, only the two N x N matrices are compared. */
  teacher: Kernel;
  /**
   * How the matrices are compared: 'smooth-l1' (beta 1, mean over all N^2; the default), 'smooth-l1-off-diagonal' (mean
   * over i != j), 'squared' (mean over all N^2) or 'alignment' (1 - centred kernel alignment).
   */
  form?: KernelLossForm;
  /**
   * Mean pairwise distance that each side's features are brought to, per batch, before the map ({@link centreAndScale}).
   * Left out: features go to the map as they are.
   */
  scale?: number;
  /** Applied to the features first, for features wider than the map takes ({@link Projection}); never cut off. */
  projection?: { student?: Projection; teacher?: Projection };
}

/** How many features a kernel takes, or undefined where it takes any number. */
export function kernelWidth(kernel: Kernel): number | undefined {
  return kernel instanceof FidelityKernel || kernel instanceof ProjectedKernel ? kernel.map.features : undefined;
}

/** Refuses features that a side's kernel cannot take. */
export function checkKernelWidth(kernel: Kernel, features: number, side: string): void {
  const width = kernelWidth(kernel);
  if (width === undefined || features === width) return;
  throw new QrkdRangeError(
    'ERR_QRKD_SHAPE',
    `quantumLoss: the ${side}'s kernel takes ${width} features, got ${features}` +
      (features > width
        ? `; project them (projection.${side}), they are never cut off`
        : '; give it a map of as many, or compare a wider layer'),
  );
}

/** Kernel inputs of one side: projected, then centred and scaled; zero rows of an amplitude map made the state |0...0>. */
interface Inputs {
  matrix: Matrix;
  zeroVectors: number;
  gradient(g: Matrix): Matrix;
}

function prepareInputs(
  kernel: Kernel,
  features: Matrix,
  scale: number | undefined,
  projection: Projection | undefined,
  side: string,
): Inputs {
  const projected = projection ? project(features, projection) : features;
  checkKernelWidth(kernel, projected.shape[1], side);
  const scaled = scale === undefined ? undefined : centreAndScale(projected, scale);
  const inputs = scaled ? scaled.matrix : projected;
  const zeros = isAmplitude(kernel) ? zeroRows(inputs) : [];
  return {
    matrix: zeros.length > 0 ? withFirstUnit(inputs, zeros) : inputs,
    zeroVectors: zeros.length,
    gradient(g) {
      for (const i of zeros) g.data.fill(0, i * g.shape[1], (i + 1) * g.shape[1]);
      const unscaled = scaled ? scaled.gradient(g) : g;
      return projection ? projectGradient(unscaled, projection) : unscaled;
    },
  };
}

/** Whether the kernel's map cannot encode a vector of zeros. */
export function isAmplitude(kernel: Kernel): boolean {
  return kernel instanceof FidelityKernel && kernel.map.type === 'amplitude';
}

function zeroRows({ data, shape: [n, f] }: Matrix): number[] {
  const rows: number[] = [];
  for (let i = 0; i < n; i++) if (data.subarray(i * f, (i + 1) * f).every((v) => v === 0)) rows.push(i);
  return rows;
}

// A zero vector has no direction: in a loss it stands for |0...0>, which the first unit vector encodes.
function withFirstUnit({ data, shape }: Matrix, rows: number[]): Matrix {
  const copy = data.slice();
  for (const i of rows) copy[i * shape[1]] = 1;
  return { data: copy, shape };
}

/** The two N x N matrices that {@link quantumLoss} compares, on plain matrices. */
export function kernelMatrices(
  student: Matrix,
  teacher: Matrix,
  { student: studentKernel, teacher: teacherKernel, scale, projection }: QuantumLossOptions,
): { student: Matrix; teacher: Matrix } {
  return {
    student: studentKernel.matrix(prepareInputs(studentKernel, student, scale, projection?.student, 'student').matrix),
    teacher: teacherKernel.matrix(prepareInputs(teacherKernel, teacher, scale, projection?.teacher, 'teacher').matrix),
  };
}

/** Value and gradient of {@link quantumLoss} on plain matrices; `zeroVectors` counts rows that an amplitude map could not encode. */
export function quantumLossGradient(
  student: Matrix,
  teacher: Matrix,
  options: QuantumLossOptions,
): LossGradient & { zeroVectors: number } {
  checkSameRows(student, teacher, 'quantumLoss');
  const { scale, projection, form = 'smooth-l1' } = options;
  const target = prepareInputs(options.teacher, teacher, scale, projection?.teacher, 'teacher');
  const inputs = prepareInputs(options.student, student, scale, projection?.student, 'student');
  const teacherMatrix = options.teacher.matrix(target.matrix);
  const { loss, gradient } = kernelLossGradient(options.student, inputs.matrix, teacherMatrix, form);
  return { loss, gradient: inputs.gradient(gradient), zeroVectors: inputs.zeroVectors + target.zeroVectors };
}

/** Checks the options of the quantum term; `where` names them in the error. */
export function checkQuantumOptions(options: QuantumLossOptions, where: string): void {
  rejectUnknownKeys(options, ['student', 'teacher', 'form', 'scale', 'projection'], where);
  for (const side of ['student', 'teacher'] as const) {
    if (typeof options[side]?.matrix !== 'function') {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: ${side} must be a kernel, got ${typeof options[side]}`);
    }
  }
  if (options.form !== undefined && !KERNEL_LOSS_FORMS.includes(options.form)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: form must be one of ${KERNEL_LOSS_FORMS.join(', ')}, got ${options.form}`,
    );
  }
  if (options.scale !== undefined && !(options.scale > 0 && Number.isFinite(options.scale))) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: scale must be a positive number, got ${options.scale}`);
  }
}

/**
 * Quantum relational distillation (Liu et al. 2025, arXiv 2508.13054): the student's matrix of fidelities within the batch
 * is compared with the teacher's, by default as smooth-L1 (beta 1) averaged over all N^2 entries.
 *
 * Features are used as they are unless `scale` or `projection` is given; {@link qrkdLoss} sets both by the recipe. A zero
 * vector of an amplitude map becomes |0...0> with zero gradient.
 *
 * @param studentFeatures [N, f]; gradients flow here, through the student's kernel.
 * @param teacherFeatures [N, g], g may differ from f; read as data, no gradient.
 * @throws TypeError or RangeError (ERR_QRKD_SHAPE, ERR_QRKD_NOT_FINITE, ERR_QRKD_VALUE) naming the argument.
 */
export function quantumLoss(studentFeatures: Tensor2D, teacherFeatures: Tensor2D, options: QuantumLossOptions): Scalar {
  checkQuantumOptions(options, 'quantumLoss');
  const teacher = matrixOf(teacherFeatures, 'quantumLoss: teacherFeatures');
  return scalarLoss(studentFeatures, 'quantumLoss: studentFeatures', (student) =>
    quantumLossGradient(student, teacher, options),
  );
}
