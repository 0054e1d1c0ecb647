// Fidelity kernel of product states, in closed form.
#pragma once

#include <memory>

#include "bloch.h"
#include "kernel.h"
#include "product_state.h"

namespace qrkd {

/// K(x, y) = prod_q (1 + r_q(x) . r_q(y)) / 2 with r_q the Bloch vector of qubit q.
template <class T>
class ProductKernel final : public Kernel<T> {
 public:
  explicit ProductKernel(ProductCircuit circuit) : circuit_(std::move(circuit)) {}
  std::size_t features() const override { return circuit_.map.features; }
  std::size_t parameters() const override { return circuit_.map.parameters; }
  void matrix(const Rows& x, const Rows* y, T* out, Job& job) const override;
  std::unique_ptr<Forward<T>> forward(const Rows& x, const Rows* y, T* out, Job& job) const override;
  void states(const Rows& x, T* real, T* imag, Job& job) const override;

 private:
  ProductCircuit circuit_;
};

/// Bloch vectors of product states.
std::unique_ptr<BlochMap> productBloch(ProductCircuit circuit);

}  // namespace qrkd
