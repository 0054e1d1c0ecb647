// Relational distillation losses (RKD: Park et al. 2019), value and student gradient in one call.
#pragma once

#include <vector>

#include "angle_loss.h"
#include "job.h"
#include "panel.h"
#include "point_cloud.h"

namespace qrkd {

/// Both losses of one pair of sides, which share the distances. Memory is kept from call to call.
class RelationalLosses {
 public:
  /// Copies both sides, [n, columns] each.
  void set(const Rows& student, const Rows& teacher);
  double distance(double* gradient);
  double angle(double* gradient, Job& job) { return angle_.evaluate(student_, teacher_, gradient, job); }

 private:
  PointCloud student_, teacher_;
  AngleLoss angle_;
  std::vector<double> weight_;
};

/// Distance-wise loss: pairwise distances of each side over the mean of its positive ones, smooth-L1 (beta 1) averaged
/// over all n^2 pairs. d^2 is clamped at 1e-12 off the diagonal. gradient: [n, student.columns]; the student's mean
/// distance is inside it. Returns the loss.
double distanceLoss(const Rows& student, const Rows& teacher, double* gradient, Job& job);

/// Angle-wise loss: cosines at vertex i between x_j - x_i and x_k - x_i, smooth-L1 (beta 1) averaged over all n^3
/// triplets. The gradient through a side shorter than 1e-6 of the student's mean distance is 0. Returns the loss.
double angleLoss(const Rows& student, const Rows& teacher, double* gradient, Job& job);

}  // namespace qrkd
