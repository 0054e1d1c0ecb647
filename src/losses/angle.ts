import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core';
import { angleLossGradient } from '../engine/relational.js';
import { matrixOf, scalarLoss } from './tensors.js';

/**
 * Angle-wise relational distillation (Park et al. 2019, arXiv 1904.05068): smooth-L1 (beta 1) between the cosines of the
 * angles that every two samples span at every third, averaged over all N^3 triples.
 *
 * The triples are summed vertex by vertex, never held: memory is 8 (7 + s) N^2 bytes, s = min(16, N / 16, 2^24 / N^2) at least
 * 1, so 12 MB for N = 256, 48 MB for 512, 193 MB for 1,024 (all cosines of one side would take 0.1, 1 and 8 GiB).
 *
 * @param studentFeatures [N, f]; gradients flow here. Where two samples nearly coincide (closer than 1e-6 of the mean
 *   distance) the gradient through their difference is 0.
 * @param teacherFeatures [N, g], g may differ from f; read as data, no gradient.
 * @throws TypeError or RangeError (ERR_QRKD_SHAPE, ERR_QRKD_NOT_FINITE) naming the argument.
 */
export function angleLoss(studentFeatures: Tensor2D, teacherFeatures: Tensor2D): Scalar {
  const teacher = matrixOf(teacherFeatures, 'angleLoss: teacherFeatures');
  return scalarLoss(studentFeatures, 'angleLoss: studentFeatures', (student) => angleLossGradient(student, teacher));
}
