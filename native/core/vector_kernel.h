// Squared inner products of normalised vectors: the amplitude feature map and the squared-cosine control.
#pragma once

#include "kernel.h"

namespace qrkd {

/// What a sample of zeros becomes: an error (it is no quantum state), or zero similarity with everything.
enum class ZeroVector { kError, kZero };

/// K(x, y) = (x . y / (|x| |y|))^2. Padding to a power of two with zeros would not change it.
template <class T>
class VectorKernel final : public Kernel<T> {
 public:
  VectorKernel(std::size_t features, ZeroVector zero) : features_(features), zero_(zero) {}
  std::size_t features() const override { return features_; }
  void matrix(const Rows& x, const Rows* y, T* out, Job& job) const override;
  std::unique_ptr<Forward<T>> forward(const Rows& x, const Rows* y, T* out, Job& job) const override;
  void states(const Rows& x, T* real, T* imag, Job& job) const override;

 private:
  std::size_t features_;
  ZeroVector zero_;
};

}  // namespace qrkd
