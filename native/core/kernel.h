// What every kernel offers to the addon: values, and a forward pass that can be differentiated.
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

#include "job.h"
#include "panel.h"

namespace qrkd {

/// A sample that the kernel cannot use (the addon turns it into an error that names the row).
struct BadSample : std::runtime_error {
  BadSample(const Rows& rows, std::size_t rowIndex, const std::string& why)
      : std::runtime_error(why), row(rowIndex), inY(rows.second) {}
  std::size_t row;
  bool inY;
};

/// Where a gradient goes.
struct Gradients {
  double* dx = nullptr;           ///< [rows, features]
  double* dy = nullptr;           ///< [columns, features]; null for a symmetric Gram, whose gradient is all in dx
  double* dparameters = nullptr;  ///< [parameters]; null where the kernel has none
};

/// A finished forward pass with all that its gradient needs. Its inputs are copied.
template <class T>
class Forward {
 public:
  virtual ~Forward() = default;
  /// Exact vector-Jacobian product; writes all of `out`. dK: row-major like the matrix.
  virtual void gradient(const T* dK, const Gradients& out, Job& job) = 0;
};

/// Samples in the form in which a kernel compares them, kept while blocks of a large matrix are computed from them.
template <class T>
class Encoded {
 public:
  virtual ~Encoded() = default;
};

template <class T>
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::size_t features() const = 0;
  /// Trainable parameters, whose values come with the samples.
  virtual std::size_t parameters() const { return 0; }
  /// Rough arithmetic of the symmetric matrix of so many samples.
  virtual double flops(std::size_t samples) const {
    return 3.0 * static_cast<double>(samples) * static_cast<double>(samples) * static_cast<double>(features());
  }
  /// Writes the row-major kernel matrix to `out`: [x, x] if y is null, else [x, y].
  virtual void matrix(const Rows& x, const Rows* y, T* out, Job& job) const = 0;
  /// A part of the samples, for `block`; x.whole says of how many. Without an override their rows are kept.
  virtual std::shared_ptr<const Encoded<T>> encode(const Rows& x, Job& job) const;
  /// Writes the row-major block [a, b], or the symmetric [a, a] if b is null: to the bit what `matrix` has there if a
  /// and b start at multiples of a panel, and a before b. Samples that cannot be used count as b's if they are in Y.
  virtual void block(const Encoded<T>& a, const Encoded<T>* b, T* out, Job& job) const;
  /// `matrix`, keeping what the gradient needs.
  virtual std::unique_ptr<Forward<T>> forward(const Rows& x, const Rows* y, T* out, Job& job) const = 0;
  /// Writes the statevectors, row-major [sample, amplitude]; only for quantum feature maps.
  virtual void states(const Rows& x, T* real, T* imag, Job& job) const;
  /// 3 * qubits; 0 for all but projected kernels.
  virtual std::size_t blochWidth() const { return 0; }
  /// Writes the Bloch vectors of the qubits, row-major [sample, blochWidth]; only for projected kernels.
  virtual void blochVectors(const Rows& x, double* out, Job& job) const;
  /// Gradient of sum(dBloch * blochVectors); writes all of `out`.
  virtual void blochGradient(const Rows& x, const double* dBloch, const Gradients& out, Job& job) const;
};

/// Element-wise loss between a kernel matrix and its target, and its derivative.
enum class MatrixLoss { kSmoothL1, kSmoothL1OffDiagonal, kSquared, kAlignment };

/// loss(K, target) for square [n, n] matrices; writes d loss / d K. Smooth-L1 has beta 1; means run over n^2 entries
/// (n (n - 1) off the diagonal); alignment is 1 - <HKH, HTH> / (|HKH| |HTH|), H the centring matrix.
template <class T>
double matrixLoss(MatrixLoss form, const T* k, const T* target, std::size_t n, T* dK);

}  // namespace qrkd
