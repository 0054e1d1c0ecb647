#include "kernel.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "inputs.h"

namespace qrkd {
namespace {

// Subtracts row and column means of a square matrix.
std::vector<double> centred(const std::vector<double>& m, std::size_t n) {
  std::vector<double> rows(n, 0.0), columns(n, 0.0), out(m.size());
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      rows[i] += m[i * n + j];
      columns[j] += m[i * n + j];
    }
    total += rows[i];
  }
  const double scale = 1.0 / static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      out[i * n + j] = m[i * n + j] - scale * (rows[i] + columns[j]) + scale * scale * total;
    }
  }
  return out;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

template <class T>
double alignmentLoss(const T* k, const T* target, std::size_t n, T* dK) {
  const auto a = centred(std::vector<double>(k, k + n * n), n);
  const auto b = centred(std::vector<double>(target, target + n * n), n);
  const double aa = dot(a, a), bb = dot(b, b), ab = dot(a, b);
  const double norm = std::sqrt(aa * bb);
  // A constant matrix has no direction to align: the largest loss, and no gradient.
  if (!(norm > 0)) {
    std::fill(dK, dK + n * n, T(0));
    return 1;
  }
  // Centring is a projection and both matrices are centred, so it needs no further chain rule.
  for (std::size_t i = 0; i < n * n; ++i) dK[i] = static_cast<T>(-(b[i] - ab / aa * a[i]) / norm);
  return 1 - ab / norm;
}

}  // namespace

template <class T>
double matrixLoss(MatrixLoss form, const T* k, const T* target, std::size_t n, T* dK) {
  if (form == MatrixLoss::kAlignment) return alignmentLoss(k, target, n, dK);
  const bool offDiagonal = form == MatrixLoss::kSmoothL1OffDiagonal;
  const double entries = static_cast<double>(n) * static_cast<double>(offDiagonal ? n - 1 : n);
  const double scale = entries > 0 ? 1 / entries : 0;
  double loss = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double row = 0;
    for (std::size_t j = 0; j < n; ++j) {
      const double d = offDiagonal && i == j ? 0.0 : static_cast<double>(k[i * n + j]) - target[i * n + j];
      if (form == MatrixLoss::kSquared) {
        row += d * d;
        dK[i * n + j] = static_cast<T>(2 * scale * d);
      } else {
        // Smooth-L1 is d^2 / 2 up to 1 and |d| - 1/2 beyond: with c = clamp(d), c (d - c / 2).
        const double c = std::clamp(d, -1.0, 1.0);
        row += c * (d - 0.5 * c);
        dK[i * n + j] = static_cast<T>(scale * c);
      }
    }
    loss += row;
  }
  return loss * scale;
}

namespace {

template <class T>
struct EncodedRows final : Encoded<T> {
  explicit EncodedRows(const Rows& x) : samples(x) {}
  Samples samples;
};

}  // namespace

template <class T>
std::shared_ptr<const Encoded<T>> Kernel<T>::encode(const Rows& x, Job&) const {
  return std::make_shared<EncodedRows<T>>(x);
}

template <class T>
void Kernel<T>::block(const Encoded<T>& a, const Encoded<T>* b, T* out, Job& job) const {
  const auto rowsOf = [](const Encoded<T>& side) { return static_cast<const EncodedRows<T>&>(side).samples.rows(); };
  if (b == nullptr) {
    matrix(rowsOf(a), nullptr, out, job);
  } else {
    Rows other = rowsOf(*b);
    other.second = true;
    matrix(rowsOf(a), &other, out, job);
  }
}

template <class T>
void Kernel<T>::states(const Rows&, T*, T*, Job&) const {
  throw std::logic_error("this kernel has no statevectors");
}

template <class T>
void Kernel<T>::blochVectors(const Rows&, double*, Job&) const {
  throw std::logic_error("this kernel has no Bloch vectors");
}

template <class T>
void Kernel<T>::blochGradient(const Rows&, const double*, const Gradients&, Job&) const {
  throw std::logic_error("this kernel has no Bloch vectors");
}

template class Kernel<float>;
template class Kernel<double>;
template double matrixLoss(MatrixLoss, const float*, const float*, std::size_t, float*);
template double matrixLoss(MatrixLoss, const double*, const double*, std::size_t, double*);

}  // namespace qrkd
