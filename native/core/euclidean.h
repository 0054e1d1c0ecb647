// The classical kernels: Gaussian, linear, Matern.
#pragma once

#include <cmath>

#include "kernel.h"

namespace qrkd {

/// A kernel's value at one pair, and its derivative with respect to the pair's argument.
struct Profile {
  double value;
  double slope;
};

/// exp(-gamma d^2).
struct Gaussian {
  static constexpr bool kOfDistance = true;
  double gamma;
  Profile at(double squared) const {
    const double value = std::exp(-gamma * squared);
    return {value, -gamma * value};
  }
};

/// x . y
struct InnerProduct {
  static constexpr bool kOfDistance = false;
  Profile at(double product) const { return {product, 1}; }
};

/// Matern kernels with s = sqrt(2 nu) d / length (Rasmussen and Williams 2006, equation 4.17): nu = 1/2: exp(-s);
/// 3/2: (1 + s) exp(-s); 5/2: (1 + s + s^2 / 3) exp(-s). Where d = 0 the slope of nu = 1/2 does not exist and counts as
/// 0.
template <int TwiceNu>
struct Matern {
  static_assert(TwiceNu == 1 || TwiceNu == 3 || TwiceNu == 5);
  static constexpr bool kOfDistance = true;
  double length;
  Profile at(double squared) const {
    const double scale = TwiceNu / (length * length);  // s^2 = scale d^2
    const double s = std::sqrt(scale * squared);
    const double decay = std::exp(-s);
    if (decay == 0) return {0, 0};  // s may be infinite, and its products with 0 are no numbers
    if constexpr (TwiceNu == 1) return {decay, s > 0 ? -0.5 * scale * decay / s : 0};
    if constexpr (TwiceNu == 3) return {(1 + s) * decay, -0.5 * scale * decay};
    return {(1 + s + s * s / 3) * decay, -scale / 6 * (1 + s) * decay};
  }
};

/// A kernel that is a function of the squared distance or of the inner product of two samples, computed in double.
template <class T, class Policy>
class EuclideanKernel final : public Kernel<T> {
 public:
  EuclideanKernel(std::size_t features, Policy policy) : features_(features), policy_(policy) {}
  std::size_t features() const override { return features_; }
  void matrix(const Rows& x, const Rows* y, T* out, Job& job) const override;
  std::unique_ptr<Forward<T>> forward(const Rows& x, const Rows* y, T* out, Job& job) const override;

 private:
  void evaluate(const Rows& x, const Rows* y, T* out, double* slopes, Job& job) const;

  std::size_t features_;
  Policy policy_;
};

/// What a classical kernel is made from; only its own parameters are read.
struct EuclideanSpec {
  enum class Kind { kRbf, kLinear, kMatern };
  Kind kind = Kind::kRbf;
  double gamma = 0;
  double nu = 0;
  double length = 0;
};

/// Throws std::invalid_argument where a parameter is out of range.
template <class T>
std::unique_ptr<Kernel<T>> makeEuclidean(std::size_t features, const EuclideanSpec& spec);

}  // namespace qrkd
