// Euclidean distances between samples, and the RBF control kernel exp(-gamma |x - y|^2).
#pragma once

#include "kernel.h"

namespace qrkd {

/// Squared distance of two samples, summed over differences (no cancellation).
double squaredDistance(const double* a, const double* b, std::size_t columns);

template <class T>
class RbfKernel final : public Kernel<T> {
 public:
  RbfKernel(std::size_t features, double gamma) : features_(features), gamma_(gamma) {}
  std::size_t features() const override { return features_; }
  void matrix(const Rows& x, const Rows* y, T* out, Job& job) const override;
  std::unique_ptr<Forward<T>> forward(const Rows& x, const Rows* y, T* out, Job& job) const override;

 private:
  std::size_t features_;
  double gamma_;
};

}  // namespace qrkd
