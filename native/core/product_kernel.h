// Fidelity kernel of product states, in closed form: no statevector, any number of qubits.
#pragma once

#include <vector>

#include "angle_map.h"
#include "kernel.h"

namespace qrkd {

enum class QubitGate { kH, kP, kRX, kRY, kRZ };

/// A circuit of one-qubit gates only: every qubit is a chain of gates on |0>.
struct ProductCircuit {
  struct Gate {
    QubitGate kind;
    int angle;  // -1 for H
  };
  AngleMap map;
  std::vector<std::vector<Gate>> chains;  // [qubit][gate]

  std::size_t qubits() const { return chains.size(); }
};

/// K(x, y) = prod_q (1 + r_q(x) . r_q(y)) / 2 with r_q the Bloch vector of qubit q.
template <class T>
class ProductKernel final : public Kernel<T> {
 public:
  explicit ProductKernel(ProductCircuit circuit) : circuit_(std::move(circuit)) {}
  std::size_t features() const override { return circuit_.map.features; }
  void matrix(const Rows& x, const Rows* y, T* out, Job& job) const override;
  std::unique_ptr<Forward<T>> forward(const Rows& x, const Rows* y, T* out, Job& job) const override;
  void states(const Rows& x, T* real, T* imag, Job& job) const override;

 private:
  ProductCircuit circuit_;
};

}  // namespace qrkd
