#include "vector_kernel.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gram.h"

namespace qrkd {
namespace {

// L2 norm, scaled against overflow and underflow; 0 only for a vector of zeros.
double norm(const double* row, std::size_t columns) {
  double largest = 0;
  for (std::size_t c = 0; c < columns; ++c) largest = std::max(largest, std::abs(row[c]));
  if (largest == 0) return 0;
  double sum = 0;
  for (std::size_t c = 0; c < columns; ++c) sum += (row[c] / largest) * (row[c] / largest);
  return largest * std::sqrt(sum);
}

template <class T>
struct Normalised {
  Panels<T> panels;
  std::vector<double> norms;

  Normalised(const Rows& rows, ZeroVector zero, bool second) : panels(rows.count, rows.columns, false) {
    constexpr std::size_t W = kLanes<T>;
    std::fill(panels.data.data(), panels.data.data() + panels.data.size(), T(0));
    norms.resize(rows.count);
    for (std::size_t i = 0; i < rows.count; ++i) {
      norms[i] = norm(rows.row(i), rows.columns);
      T* target = panels.panel(i / W) + i % W;
      if (norms[i] == 0) {
        if (zero == ZeroVector::kError) throw BadSample(i, second, "is all zeros and cannot be normalised");
        continue;
      }
      for (std::size_t c = 0; c < rows.columns; ++c) target[c * W] = static_cast<T>(rows.row(i)[c] / norms[i]);
    }
  }
};

template <class T>
class VectorForward final : public Forward<T> {
 public:
  VectorForward(const Rows& x, const Rows* y, ZeroVector zero, T* out, Job& job)
      : cross_(y != nullptr), x_(x, zero, false), y_(cross_ ? *y : Rows{nullptr, 0, x.columns}, zero, true) {
    gramMatrix<T>(x_.panels, cross_ ? &y_.panels : nullptr, out, &overlaps_, job);
  }

  void gradient(const T* dK, double* dx, double* dy, Job& job) override {
    side(Side::kRows, x_, dK, dx, job);
    if (cross_) side(Side::kColumns, y_, dK, dy, job);
  }

 private:
  // From d loss / d (x / |x|) = lambda to d loss / d x: the part of lambda orthogonal to x, over |x|.
  void side(Side which, const Normalised<T>& vectors, const T* dK, double* out, Job& job) {
    constexpr std::size_t W = kLanes<T>;
    const std::size_t columns = vectors.panels.length;
    gramAdjoint<T>(x_.panels, cross_ ? &y_.panels : nullptr, overlaps_, dK, which, job,
                   [&](std::size_t p, T* lambda, int) {
                     for (std::size_t i = p * W; i < std::min(vectors.norms.size(), (p + 1) * W); ++i) {
                       const std::size_t lane = i % W;
                       const T* unit = vectors.panels.panel(p) + lane;
                       double along = 0;
                       for (std::size_t c = 0; c < columns; ++c) {
                         along += static_cast<double>(unit[c * W]) * lambda[c * W + lane];
                       }
                       const double inverse = vectors.norms[i] > 0 ? 1 / vectors.norms[i] : 0;
                       for (std::size_t c = 0; c < columns; ++c) {
                         out[i * columns + c] = inverse * (lambda[c * W + lane] - along * unit[c * W]);
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
  const Normalised<T> a(x, zero_, false);
  if (y == nullptr) {
    gramMatrix<T>(a.panels, nullptr, out, nullptr, job);
  } else {
    const Normalised<T> b(*y, zero_, true);
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
  const Normalised<T> vectors(x, zero_, false);
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
