#include "euclidean.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "inputs.h"
#include "thread_pool.h"

namespace qrkd {

namespace {

// Summed over differences: no cancellation.
double squaredDistance(const double* a, const double* b, std::size_t columns) {
  double sum = 0;
  for (std::size_t c = 0; c < columns; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

double innerProduct(const double* a, const double* b, std::size_t columns) {
  double sum = 0;
  for (std::size_t c = 0; c < columns; ++c) sum += a[c] * b[c];
  return sum;
}

template <class T, bool kOfDistance>
class EuclideanForward final : public Forward<T> {
 public:
  EuclideanForward(const Rows& x, const Rows* y, std::vector<double> slopes)
      : inputs_(x, y), slopes_(std::move(slopes)) {}

  void gradient(const T* dK, const Gradients& out, Job& job) override {
    const Rows& x = inputs_.x();
    if (inputs_.y() == nullptr) {
      const std::size_t n = x.count;
      side(x, x, job, out.dx, [&](std::size_t i, std::size_t j) {
        return (static_cast<double>(dK[i * n + j]) + dK[j * n + i]) * slopes_[i * n + j];
      });
    } else {
      const Rows& y = *inputs_.y();
      const std::size_t m = y.count;
      const auto weight = [&](std::size_t i, std::size_t j) {
        return static_cast<double>(dK[i * m + j]) * slopes_[i * m + j];
      };
      side(x, y, job, out.dx, weight);
      side(y, x, job, out.dy, [&](std::size_t j, std::size_t i) { return weight(i, j); });
    }
  }

 private:
  // d K_ij / d x_i is 2 slope (x_i - y_j) for a function of the squared distance, slope y_j for one of the product.
  template <class Weight>
  void side(const Rows& targets, const Rows& sources, Job& job, double* out, Weight weight) {
    const double pairs = static_cast<double>(targets.count) * static_cast<double>(sources.count);
    parallelFor(targets.count, pairs * static_cast<double>(targets.columns) * 8, job, [&](std::size_t i, int) {
      double* target = out + i * targets.columns;
      const double* a = targets.row(i);
      std::fill(target, target + targets.columns, 0.0);
      for (std::size_t j = 0; j < sources.count; ++j) {
        const double w = kOfDistance ? 2 * weight(i, j) : weight(i, j);
        if (w == 0) continue;  // the distance may be infinite
        const double* b = sources.row(j);
        for (std::size_t c = 0; c < targets.columns; ++c) target[c] += w * (kOfDistance ? a[c] - b[c] : b[c]);
      }
    });
  }

  Inputs inputs_;
  std::vector<double> slopes_;
};

}  // namespace

template <class T, class Policy>
void EuclideanKernel<T, Policy>::evaluate(const Rows& x, const Rows* y, T* out, double* slopes, Job& job) const {
  const bool symmetric = y == nullptr;
  const Rows& other = symmetric ? x : *y;
  const double pairs = static_cast<double>(x.count) * static_cast<double>(other.count);
  const double flops = pairs * (8.0 * static_cast<double>(features_) + 60);
  job.expect(flops);
  parallelFor(x.count, flops, job, [&](std::size_t i, int) {
    for (std::size_t j = symmetric ? i : 0; j < other.count; ++j) {
      const auto argument = Policy::kOfDistance ? squaredDistance : innerProduct;
      const Profile k = policy_.at(argument(x.row(i), other.row(j), features_));
      const std::size_t here = i * other.count + j, mirrored = j * other.count + i;
      out[here] = static_cast<T>(k.value);
      if (symmetric) out[mirrored] = out[here];
      if (slopes == nullptr) continue;
      slopes[here] = k.slope;
      if (symmetric) slopes[mirrored] = k.slope;
    }
  });
}

template <class T, class Policy>
void EuclideanKernel<T, Policy>::matrix(const Rows& x, const Rows* y, T* out, Job& job) const {
  evaluate(x, y, out, nullptr, job);
}

template <class T, class Policy>
std::unique_ptr<Forward<T>> EuclideanKernel<T, Policy>::forward(const Rows& x, const Rows* y, T* out, Job& job) const {
  std::vector<double> slopes(x.count * (y != nullptr ? y->count : x.count));
  evaluate(x, y, out, slopes.data(), job);
  return std::make_unique<EuclideanForward<T, Policy::kOfDistance>>(x, y, std::move(slopes));
}

template <class T>
std::unique_ptr<Kernel<T>> makeEuclidean(std::size_t features, const EuclideanSpec& spec) {
  const auto make = [&](auto policy) -> std::unique_ptr<Kernel<T>> {
    return std::make_unique<EuclideanKernel<T, decltype(policy)>>(features, policy);
  };
  const auto positive = [](double value, const char* what) {
    if (!(value > 0 && std::isfinite(value))) throw std::invalid_argument(what);
  };
  switch (spec.kind) {
    case EuclideanSpec::Kind::kLinear:
      return make(InnerProduct{});
    case EuclideanSpec::Kind::kRbf:
      positive(spec.gamma, "gamma must be positive");
      return make(Gaussian{spec.gamma});
    case EuclideanSpec::Kind::kMatern:
      positive(spec.length, "length must be positive");
      positive(1 / (spec.length * spec.length), "length is too small or too large to be squared");
      if (spec.nu == 0.5) return make(Matern<1>{spec.length});
      if (spec.nu == 1.5) return make(Matern<3>{spec.length});
      if (spec.nu == 2.5) return make(Matern<5>{spec.length});
      throw std::invalid_argument("nu must be 0.5, 1.5 or 2.5");
  }
  throw std::invalid_argument("unknown kind of kernel");
}

template std::unique_ptr<Kernel<float>> makeEuclidean<float>(std::size_t, const EuclideanSpec&);
template std::unique_ptr<Kernel<double>> makeEuclidean<double>(std::size_t, const EuclideanSpec&);

}  // namespace qrkd
