#include "euclidean.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "inputs.h"
#include "thread_pool.h"

namespace qrkd {

double squaredDistance(const double* a, const double* b, std::size_t columns) {
  double sum = 0;
  for (std::size_t c = 0; c < columns; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

namespace {

template <class T>
class RbfForward final : public Forward<T> {
 public:
  RbfForward(const Rows& x, const Rows* y, double gamma, const T* matrix)
      : inputs_(x, y), gamma_(gamma), matrix_(matrix, matrix + x.count * (y != nullptr ? y->count : x.count)) {}

  // d K_ij / d x_i = -2 gamma K_ij (x_i - y_j).
  void gradient(const T* dK, double* dx, double* dy, Job& job) override {
    const Rows& x = inputs_.x();
    if (inputs_.y() == nullptr) {
      const std::size_t n = x.count;
      side(x, x, job, dx, [&](std::size_t i, std::size_t j) {
        return (static_cast<double>(dK[i * n + j]) + dK[j * n + i]) * matrix_[i * n + j];
      });
    } else {
      const Rows& y = *inputs_.y();
      const std::size_t m = y.count;
      const auto weight = [&](std::size_t i, std::size_t j) {
        return static_cast<double>(dK[i * m + j]) * matrix_[i * m + j];
      };
      side(x, y, job, dx, weight);
      side(y, x, job, dy, [&](std::size_t j, std::size_t i) { return weight(i, j); });
    }
  }

 private:
  template <class Weight>
  void side(const Rows& targets, const Rows& sources, Job& job, double* out, Weight weight) {
    const double pairs = static_cast<double>(targets.count) * static_cast<double>(sources.count);
    parallelFor(targets.count, pairs * static_cast<double>(targets.columns) * 8, job, [&](std::size_t i, int) {
      double* target = out + i * targets.columns;
      std::fill(target, target + targets.columns, 0.0);
      for (std::size_t j = 0; j < sources.count; ++j) {
        const double w = -2 * gamma_ * weight(i, j);
        if (w == 0) continue;  // the distance may be infinite
        for (std::size_t c = 0; c < targets.columns; ++c) target[c] += w * (targets.row(i)[c] - sources.row(j)[c]);
      }
    });
  }

  Inputs inputs_;
  double gamma_;
  std::vector<T> matrix_;
};

}  // namespace

template <class T>
void RbfKernel<T>::matrix(const Rows& x, const Rows* y, T* out, Job& job) const {
  const bool symmetric = y == nullptr;
  const Rows& other = symmetric ? x : *y;
  const double pairs = static_cast<double>(x.count) * static_cast<double>(other.count);
  const double flops = pairs * (8.0 * static_cast<double>(features_) + 60);
  job.expect(flops);
  parallelFor(x.count, flops, job, [&](std::size_t i, int) {
    for (std::size_t j = symmetric ? i : 0; j < other.count; ++j) {
      const T value = static_cast<T>(std::exp(-gamma_ * squaredDistance(x.row(i), other.row(j), features_)));
      out[i * other.count + j] = value;
      if (symmetric) out[j * other.count + i] = value;
    }
  });
}

template <class T>
std::unique_ptr<Forward<T>> RbfKernel<T>::forward(const Rows& x, const Rows* y, T* out, Job& job) const {
  matrix(x, y, out, job);
  return std::make_unique<RbfForward<T>>(x, y, gamma_, out);
}

template class RbfKernel<float>;
template class RbfKernel<double>;

}  // namespace qrkd
