#include "relational.h"

#include <algorithm>

#include "isa.h"

namespace qrkd {

void RelationalLosses::set(const Rows& student, const Rows& teacher) {
  student_.set(student);
  teacher_.set(teacher);
}

double RelationalLosses::distance(double* gradient) {
  const PointCloud &s = student_, &t = teacher_;
  const std::size_t n = s.count;
  const double scale = 1.0 / (static_cast<double>(n) * static_cast<double>(n));
  weight_.resize(n * s.stride);
  double loss = 0, alongMean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    DistanceSums sums;
    instructionSet().relational.distanceRow(s.distances(i), t.distances(i), 1 / s.mean, 1 / t.mean, s.stride,
                                            weight_.data() + i * s.stride, sums);
    loss += sums.loss;
    alongMean += scale * sums.along;
  }
  // d loss / d d_ij = h_ij / mean - (sum h d) / mean^2 / pairs; each pair stands in the sum twice. Clamped distances do
  // not move.
  const double pairs = std::max(1.0, static_cast<double>(n) * static_cast<double>(n - 1));
  const double own = 2 * scale / s.mean, common = 2 * alongMean / (s.mean * s.mean * pairs);
  for (std::size_t k = 0; k < weight_.size(); ++k) {
    const double inverse = s.inverse[k] < 1e6 ? s.inverse[k] : 0.0;
    weight_[k] = (own * weight_[k] - common) * inverse;
  }
  std::fill(gradient, gradient + n * s.columns, 0.0);
  s.pairGradient(weight_.data(), gradient);
  return loss * scale;
}

double distanceLoss(const Rows& student, const Rows& teacher, double* gradient, Job& job) {
  RelationalLosses losses;
  losses.set(student, teacher);
  job.check();
  return losses.distance(gradient);
}

double angleLoss(const Rows& student, const Rows& teacher, double* gradient, Job& job) {
  RelationalLosses losses;
  losses.set(student, teacher);
  return losses.angle(gradient, job);
}

}  // namespace qrkd
