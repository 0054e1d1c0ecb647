// Fidelity kernel of a PhaseCircuit, by statevector simulation.
#pragma once

#include "kernel.h"
#include "phase_circuit.h"

namespace qrkd {

template <class T>
class StateKernel final : public Kernel<T> {
 public:
  explicit StateKernel(PhaseCircuit circuit) : circuit_(std::move(circuit)) {}
  std::size_t features() const override { return circuit_.map.features; }
  void matrix(const Rows& x, const Rows* y, T* out, Job& job) const override;
  std::unique_ptr<Forward<T>> forward(const Rows& x, const Rows* y, T* out, Job& job) const override;
  void states(const Rows& x, T* real, T* imag, Job& job) const override;

 private:
  PhaseCircuit circuit_;
};

}  // namespace qrkd
