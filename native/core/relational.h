// Relational distillation losses (RKD: Park et al. 2019), value and student gradient in one call.
#pragma once

#include "job.h"
#include "panel.h"

namespace qrkd {

/// Distance-wise loss: pairwise distances of each side over the mean of its positive ones, smooth-L1 (beta 1) averaged
/// over all n^2 pairs. d^2 is clamped at 1e-12 off the diagonal. gradient: [n, student.columns]; the student's mean
/// distance is inside it. Returns the loss.
double distanceLoss(const Rows& student, const Rows& teacher, double* gradient, Job& job);

/// Angle-wise loss: cosines at vertex i between x_j - x_i and x_k - x_i, smooth-L1 (beta 1) averaged over all n^3
/// triplets. The gradient through a side shorter than 1e-6 of the student's mean distance is 0. Returns the loss.
double angleLoss(const Rows& student, const Rows& teacher, double* gradient, Job& job);

}  // namespace qrkd
