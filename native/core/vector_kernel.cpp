#include "vector_kernel.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gram.h"

namespace qrkd {
namespace {

// The L2 norm in two factors, against overflow and underflow; `largest` is 0 only for a vector of zeros.
struct Norm {
  double largest = 0, root = 0;

  Norm(const double* row, std::size_t columns) {
    for (std::size_t c = 0; c < columns; ++c) largest = std::max(largest, std::abs(row[c]));
    if (largest == 0) return;
    double sum = 0;
    for (std::size_t c = 0; c < columns; ++c) sum += (row[c] / largest) * (row[c] / largest);
    root = std::sqrt(sum);
  }
  double unit(double value) const { return value / largest / root; }
  // 0 for a vector of zeros, and for one so small that the quotient overflows: no gradient rather than a useless one.
  double inverse() const {
    const double quotient = largest > 0 ? 1 / largest / root : 0;
    return std::isfinite(quotient) ? quotient : 0;
  }
};

template <class T>
struct Normalised {
  Panels<T> panels;
  std::vector<double> inverse;  // 1 / |x|

  Normalised(const Rows& rows, ZeroVector zero) : panels(rows.count, rows.columns, false) {
    constexpr std::size_t W = kLanes<T>;
    std::fill(panels.data.data(), panels.data.data() + panels.data.size(), T(0));
    inverse.resize(rows.count);
    for (std::size_t i = 0; i < rows.count; ++i) {
      const Norm norm(rows.row(i), rows.columns);
      inverse[i] = norm.inverse();
      T* target = panels.panel(i / W) + i % W;
      if (norm.largest == 0) {
        if (zero == ZeroVector::kError) throw BadSample(rows, i, "is all zeros and cannot be normalised");
        continue;
      }
      for (std::size_t c = 0; c < rows.columns; ++c) target[c * W] = static_cast<T>(norm.unit(rows.row(i)[c]));
    }
  }
};

template <class T>
class VectorForward final : public Forward<T> {
 public:
  VectorForward(const Rows& x, const Rows* y, ZeroVector zero, T* out, Job& job)
      : cross_(y != nullptr), x_(x, zero), y_(cross_ ? *y : Rows{nullptr, 0, x.columns}, zero) {
    gramMatrix<T>(x_.panels, cross_ ? &y_.panels : nullptr, out, &overlaps_, job);
  }

  void gradient(const T* dK, const Gradients& out, Job& job) override {
    side(Side::kRows, x_, dK, out.dx, job);
    if (cross_) side(Side::kColumns, y_, dK, out.dy, job);
  }

 private:
  // From d loss / d (x / |x|) = lambda to d loss / d x: the part of lambda orthogonal to x, over |x|.
  void side(Side which, const Normalised<T>& vectors, const T* dK, double* out, Job& job) {
    constexpr std::size_t W = kLanes<T>;
    const std::size_t columns = vectors.panels.length;
    gramAdjoint<T>(x_.panels, cross_ ? &y_.panels : nullptr, overlaps_, dK, which, job,
                   [&](std::size_t p, T* lambda, int) {
                     for (std::size_t i = p * W; i < std::min(vectors.inverse.size(), (p + 1) * W); ++i) {
                       const std::size_t lane = i % W;
                       const T* unit = vectors.panels.panel(p) + lane;
                       double along = 0;
                       for (std::size_t c = 0; c < columns; ++c) {
                         along += static_cast<double>(unit[c * W]) * lambda[c * W + lane];
                       }
                       for (std::size_t c = 0; c < columns; ++c) {
                         out[i * columns + c] = vectors.inverse[i] * (lambda[c * W + lane] - along * unit[c * W]);
                       }
                     }
                   });
  }

  bool cross_;
  Normalised<T> x_, y_;
  Overlaps<T> overlaps_;
};

}  // namespace

template <class T>
void VectorKernel<T>::matrix(const Rows& x, const Rows* y, T* out, Job& job) const {
  const Normalised<T> a(x, zero_);
  job.expect(gramFlops(x.count, y != nullptr ? y->count : x.count, y == nullptr, features_, false));
  if (y == nullptr) {
    gramMatrix<T>(a.panels, nullptr, out, nullptr, job);
  } else {
    const Normalised<T> b(*y, zero_);
    gramMatrix<T>(a.panels, &b.panels, out, nullptr, job);
  }
}

template <class T>
std::unique_ptr<Forward<T>> VectorKernel<T>::forward(const Rows& x, const Rows* y, T* out, Job& job) const {
  return std::make_unique<VectorForward<T>>(x, y, zero_, out, job);
}

template <class T>
void VectorKernel<T>::states(const Rows& x, T* real, T* imag, Job& job) const {
  constexpr std::size_t W = kLanes<T>;
  job.check();
  std::size_t amplitudes = 2;
  while (amplitudes < features_) amplitudes *= 2;
  const Normalised<T> vectors(x, zero_);
  std::fill(real, real + x.count * amplitudes, T(0));
  std::fill(imag, imag + x.count * amplitudes, T(0));
  for (std::size_t i = 0; i < x.count; ++i) {
    const T* unit = vectors.panels.panel(i / W) + i % W;
    for (std::size_t c = 0; c < features_; ++c) real[i * amplitudes + c] = unit[c * W];
  }
}

template class VectorKernel<float>;
template class VectorKernel<double>;

}  // namespace qrkd
