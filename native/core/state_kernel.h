// Fidelity kernel of a circuit, by statevector simulation.
#pragma once

#include <map>
#include <mutex>

#include "kernel.h"
#include "simulator.h"

namespace qrkd {

/// A circuit compiled for every layout of panels that is asked for.
class Simulations {
 public:
  explicit Simulations(Circuit circuit) : circuit_(std::move(circuit)) {}
  const Circuit& circuit() const { return circuit_; }
  /// With 2^laneQubits amplitudes of a sample in the lanes. Safe from several threads.
  const Simulation& get(int laneQubits) const;
  /// The layout for that many samples of T.
  template <class T>
  const Simulation& forSamples(std::size_t samples) const {
    return get(laneQubitsFor(circuit_.qubits, samples, kLanes<T>));
  }

 private:
  Circuit circuit_;
  mutable std::mutex mutex_;
  mutable std::map<int, std::unique_ptr<Simulation>> simulations_;
};

template <class T>
class StateKernel final : public Kernel<T> {
 public:
  explicit StateKernel(Circuit circuit) : simulations_(std::make_shared<Simulations>(std::move(circuit))) {}
  std::size_t features() const override { return simulations_->circuit().map.features; }
  std::size_t parameters() const override { return simulations_->circuit().map.parameters; }
  double flops(std::size_t samples) const override;
  void matrix(const Rows& x, const Rows* y, T* out, Job& job) const override;
  std::shared_ptr<const Encoded<T>> encode(const Rows& x, Job& job) const override;
  void block(const Encoded<T>& a, const Encoded<T>* b, T* out, Job& job) const override;
  std::unique_ptr<Forward<T>> forward(const Rows& x, const Rows* y, T* out, Job& job) const override;
  void states(const Rows& x, T* real, T* imag, Job& job) const override;

 private:
  std::shared_ptr<const Simulations> simulations_;
};

/// Runs body(panel, simulator) for every panel of `samples` samples: panels in parallel, or one after the other with
/// their blocks in parallel where there are few and large ones.
template <class T>
void forPanels(const Simulation& simulation, std::size_t samples, double flops, Job& job,
               const std::function<void(std::size_t, Simulator<T>&)>& body);

/// Takes the gradients of panels, dv [variable][sample], from any thread: features go to rows of dx, parameters are
/// added up in the order of panels.
class VariableGradients {
 public:
  VariableGradients(const AngleMap& map, int samples, std::size_t panels);
  std::size_t size() const { return map_.variables() * samples_; }
  void take(std::size_t panel, const double* dv, const Rows& rows, double* dx);
  /// Adds the sums; `dparameters` may be null where there are none.
  void parameters(double* dparameters) const;

 private:
  const AngleMap& map_;
  int samples_;
  std::vector<double> parameters_;  // [panel][parameter]
};

}  // namespace qrkd
