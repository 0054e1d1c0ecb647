import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core';
import { distanceLossGradient } from '../engine/relational.js';
import { matrixOf, scalarLoss } from './tensors.js';

/**
 * Distance-wise relational distillation (Park et al. 2019, arXiv 1904.05068): smooth-L1 (beta 1) between the pairwise
 * Euclidean distances of both sides, each side divided by the mean of its own positive distances, averaged over all N^2
 * pairs. The student's mean is part of the gradient.
 *
 * @param studentFeatures [N, f]; gradients flow here.
 * @param teacherFeatures [N, g], g may differ from f; read as data, no gradient.
 * @throws TypeError or RangeError (ERR_QRKD_SHAPE, ERR_QRKD_NOT_FINITE) naming the argument.
 */
export function distanceLoss(studentFeatures: Tensor2D, teacherFeatures: Tensor2D): Scalar {
  const teacher = matrixOf(teacherFeatures, 'distanceLoss: teacherFeatures');
  return scalarLoss(studentFeatures, 'distanceLoss: studentFeatures', (student) =>
    distanceLossGradient(student, teacher),
  );
}
