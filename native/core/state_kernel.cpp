#include "state_kernel.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "gram.h"
#include "inputs.h"
#include "thread_pool.h"

namespace qrkd {
namespace {

// Arithmetic of one amplitude of one sample: two complex products for the phase and a few butterflies per repetition.
double stateFlops(const PhaseCircuit& circuit, std::size_t samples) {
  const double perAmplitude = 12.0 + circuit.reps * (6.0 + 2.0 * circuit.qubits);
  return perAmplitude * static_cast<double>(circuit.amplitudes()) * static_cast<double>(samples);
}

template <class T>
using Scratches = std::vector<std::unique_ptr<PhaseCircuitScratch<T>>>;

template <class T>
PhaseCircuitScratch<T>& scratchOf(Scratches<T>& all, int worker, const PhaseCircuit& circuit) {
  if (!all[worker]) all[worker] = std::make_unique<PhaseCircuitScratch<T>>(circuit);
  return *all[worker];
}

template <class T>
Panels<T> simulate(const PhaseCircuit& circuit, const Rows& rows, Job& job) {
  Panels<T> panels(rows.count, circuit.amplitudes(), true);
  Scratches<T> scratch(threads());
  parallelFor(panels.panels(), stateFlops(circuit, rows.count), job, [&](std::size_t p, int worker) {
    scratchOf(scratch, worker, circuit).states(rows, p * kLanes<T>, panels.panel(p));
  });
  return panels;
}

template <class T>
class StateForward final : public Forward<T> {
 public:
  StateForward(const PhaseCircuit& circuit, const Rows& x, const Rows* y, T* out, Job& job)
      : circuit_(circuit), inputs_(x, y), x_(simulate<T>(circuit, x, job)) {
    if (y != nullptr) y_ = simulate<T>(circuit, *y, job);
    gramMatrix<T>(x_, y != nullptr ? &y_ : nullptr, out, &overlaps_, job);
  }

  void gradient(const T* dK, double* dx, double* dy, Job& job) override {
    side(Side::kRows, inputs_.x(), x_, dK, dx, job);
    if (inputs_.y() != nullptr) side(Side::kColumns, *inputs_.y(), y_, dK, dy, job);
  }

 private:
  void side(Side which, const Rows& rows, const Panels<T>& panels, const T* dK, double* out, Job& job) {
    constexpr int W = kLanes<T>;
    Scratches<T> scratch(threads());
    std::vector<std::vector<double>> dx(threads());
    gramAdjoint<T>(
        x_, inputs_.y() != nullptr ? &y_ : nullptr, overlaps_, dK, which, job,
        [&](std::size_t p, T* lambda, int worker) {
          dx[worker].resize(rows.columns * W);
          scratchOf(scratch, worker, circuit_).backward(rows, p * W, panels.panel(p), lambda, dx[worker].data());
          scatterRows(dx[worker].data(), p * W, W, rows.count, rows.columns, out);
        });
  }

  PhaseCircuit circuit_;
  Inputs inputs_;
  Panels<T> x_, y_;
  Overlaps<T> overlaps_;
};

}  // namespace

template <class T>
void StateKernel<T>::matrix(const Rows& x, const Rows* y, T* out, Job& job) const {
  const std::size_t others = y != nullptr ? y->count : 0;
  job.expect(stateFlops(circuit_, x.count + others) +
             gramFlops(x.count, y != nullptr ? others : x.count, y == nullptr, circuit_.amplitudes(), true));
  const Panels<T> px = simulate<T>(circuit_, x, job);
  Panels<T> py;
  if (y != nullptr) py = simulate<T>(circuit_, *y, job);
  gramMatrix<T>(px, y != nullptr ? &py : nullptr, out, nullptr, job);
}

template <class T>
std::unique_ptr<Forward<T>> StateKernel<T>::forward(const Rows& x, const Rows* y, T* out, Job& job) const {
  return std::make_unique<StateForward<T>>(circuit_, x, y, out, job);
}

template <class T>
void StateKernel<T>::states(const Rows& x, T* real, T* imag, Job& job) const {
  constexpr std::size_t W = kLanes<T>;
  const Panels<T> panels = simulate<T>(circuit_, x, job);
  for (std::size_t i = 0; i < x.count; ++i) {
    const T* panel = panels.panel(i / W) + i % W;
    for (std::size_t b = 0; b < panels.length; ++b) {
      real[i * panels.length + b] = panel[b * 2 * W];
      imag[i * panels.length + b] = panel[b * 2 * W + W];
    }
  }
}

template class StateKernel<float>;
template class StateKernel<double>;

}  // namespace qrkd
