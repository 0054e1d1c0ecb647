// One-qubit reduced density matrices of a circuit's states, as Bloch vectors: what projected kernels compare.
#pragma once

#include <cmath>
#include <memory>

#include "kernel.h"
#include "state_kernel.h"

namespace qrkd {

/// Bloch vectors r_q = (<X_q>, <Y_q>, <Z_q>) of samples, row-major [sample, 3 * qubits], with their gradient.
class BlochMap {
 public:
  virtual ~BlochMap() = default;
  virtual const AngleMap& map() const = 0;
  virtual std::size_t qubits() const = 0;
  virtual void vectors(const Rows& rows, double* out, Job& job) const = 0;
  /// Gradient of sum(weights * vectors): dx [sample, feature] and, added, dparameters (null where there are none).
  virtual void gradient(const Rows& rows, const double* weights, double* dx, double* dparameters, Job& job) const = 0;
};

/// By simulation in precision T, or in closed form for product states.
template <class T>
std::unique_ptr<BlochMap> blochMap(Circuit circuit);

/// k(r(x), r(y)) with any kernel k of vectors.
template <class T>
class ProjectedKernel final : public Kernel<T> {
 public:
  ProjectedKernel(std::shared_ptr<const BlochMap> bloch, std::shared_ptr<const Kernel<T>> inner)
      : bloch_(std::move(bloch)), inner_(std::move(inner)) {}
  std::size_t features() const override { return bloch_->map().features; }
  std::size_t parameters() const override { return bloch_->map().parameters; }
  double flops(std::size_t samples) const override {
    // Of simulated states; product states are cheaper.
    return inner_->flops(samples) +
           50 * static_cast<double>(samples) * std::exp2(static_cast<double>(bloch_->qubits()));
  }
  void matrix(const Rows& x, const Rows* y, T* out, Job& job) const override;
  std::shared_ptr<const Encoded<T>> encode(const Rows& x, Job& job) const override;
  void block(const Encoded<T>& a, const Encoded<T>* b, T* out, Job& job) const override;
  std::unique_ptr<Forward<T>> forward(const Rows& x, const Rows* y, T* out, Job& job) const override;
  std::size_t blochWidth() const override { return 3 * bloch_->qubits(); }
  void blochVectors(const Rows& x, double* out, Job& job) const override;
  void blochGradient(const Rows& x, const double* dBloch, const Gradients& out, Job& job) const override;

 private:
  std::shared_ptr<const BlochMap> bloch_;
  std::shared_ptr<const Kernel<T>> inner_;
};

}  // namespace qrkd
