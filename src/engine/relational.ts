import { QrkdRangeError } from '../errors.js';
import { readMatrix, scalars } from './input.js';
import { checkMemory } from './memory.js';
import { native } from './native.js';
import type { Kernel, KernelLossForm, LossGradient, Matrix, MatrixLike, Precision } from './types.js';

export type { KernelLossForm, LossGradient } from './types.js';

type Name = 'distanceLoss' | 'angleLoss';

function relational(name: Name, studentLike: MatrixLike, teacherLike: MatrixLike): LossGradient {
  const student = readMatrix(studentLike, 'student');
  const teacher = readMatrix(teacherLike, 'teacher');
  const [n, columns] = student.shape;
  if (teacher.shape[0] !== n) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `teacher has ${teacher.shape[0]} rows, expected the student's ${n}`);
  }
  // Distances of both sides and their inverses, and weights; for angles also inner products of both sides, and the sums, of
  // which up to 16 shares of the vertices have their own.
  const shares = Math.max(1, Math.min(16, Math.floor(n / 16), Math.floor(2 ** 24 / n ** 2)));
  checkMemory(8 * n * n * (name === 'distanceLoss' ? 5 : 7 + shares), `${name} of ${n} samples`);
  const precision: Precision = student.data instanceof Float32Array ? 'float32' : 'float64';
  const gradient = scalars(precision, n * columns);
  const loss = native()[name](student.data, teacher.data, n, columns, teacher.shape[1], gradient);
  return { loss, gradient: { data: gradient, shape: [n, columns] } };
}

/**
 * Distance-wise relational loss (Park et al. 2019, arXiv 1904.05068) and its gradient with respect to the student,
 * computed in float64: pairwise distances of each side (d^2 clamped at 1e-12) over the mean of its positive ones,
 * smooth-L1 (beta 1) averaged over all N^2 pairs. The student's mean is inside the gradient.
 *
 * @param student [N, f]
 * @param teacher [N, g], no gradient
 * @throws TypeError or RangeError naming the argument.
 */
export function distanceLossGradient(student: MatrixLike, teacher: MatrixLike): LossGradient {
  return relational('distanceLoss', student, teacher);
}

/**
 * Angle-wise relational loss (Park et al. 2019) and its gradient with respect to the student, computed in float64:
 * smooth-L1 (beta 1) between the cosines at vertex i of x_j - x_i and x_k - x_i, averaged over all N^3 triplets. The
 * gradient through a side shorter than 1e-6 of the student's mean distance is 0.
 *
 * @param student [N, f]
 * @param teacher [N, g], no gradient
 * @throws TypeError or RangeError naming the argument.
 */
export function angleLossGradient(student: MatrixLike, teacher: MatrixLike): LossGradient {
  return relational('angleLoss', student, teacher);
}

/**
 * Loss between the student's kernel matrix and a target, with its gradient with respect to the student's features.
 *
 * @param student [N, f], f as the kernel wants
 * @param target [N, N], the teacher's kernel matrix; no gradient
 */
export function kernelLossGradient(
  kernel: Kernel,
  student: MatrixLike,
  target: Matrix,
  form?: KernelLossForm,
): LossGradient {
  return kernel.lossGradient(student, target, form);
}
