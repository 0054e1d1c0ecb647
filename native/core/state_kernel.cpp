#include "state_kernel.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "gram.h"
#include "inputs.h"
#include "lane_gram.h"
#include "thread_pool.h"

namespace qrkd {

const Simulation& Simulations::get(int laneQubits) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto& simulation = simulations_[laneQubits];
  if (!simulation) {
    simulation = std::make_unique<Simulation>(circuit_, laneQubits);
  }
  return *simulation;
}

template <class T>
void forPanels(const Simulation& simulation, std::size_t samples, double flops, Job& job,
               const std::function<void(std::size_t, Simulator<T>&)>& body) {
  const auto perPanel = static_cast<std::size_t>(simulation.samplesPerPanel<T>());
  const std::size_t panels = (samples + perPanel - 1) / perPanel;
  if (!simulation.plan.whole() && panels < static_cast<std::size_t>(threads())) {
    Simulator<T> simulator(simulation);
    for (std::size_t p = 0; p < panels; ++p) {
      body(p, simulator);
      job.check();
    }
    return;
  }
  std::vector<std::unique_ptr<Simulator<T>>> simulators(threads());
  parallelFor(panels, flops, job, [&](std::size_t p, int worker) {
    if (!simulators[worker]) simulators[worker] = std::make_unique<Simulator<T>>(simulation);
    body(p, *simulators[worker]);
  });
}

template void forPanels(const Simulation&, std::size_t, double, Job&,
                        const std::function<void(std::size_t, Simulator<float>&)>&);
template void forPanels(const Simulation&, std::size_t, double, Job&,
                        const std::function<void(std::size_t, Simulator<double>&)>&);

VariableGradients::VariableGradients(const AngleMap& map, int samples, std::size_t panels)
    : map_(map), samples_(samples), parameters_(map.parameters * panels, 0.0) {}

void VariableGradients::take(std::size_t panel, const double* dv, const Rows& rows, double* dx) {
  scatterRows(dv, panel * samples_, samples_, rows.count, rows.columns, dx);
  // What padded samples would add is 0, because their lambda is.
  for (std::size_t k = 0; k < map_.parameters; ++k) {
    double& sum = parameters_[panel * map_.parameters + k];
    for (int s = 0; s < samples_; ++s) sum += dv[(map_.features + k) * samples_ + s];
  }
}

void VariableGradients::parameters(double* dparameters) const {
  for (std::size_t k = 0; k < parameters_.size(); ++k) dparameters[k % map_.parameters] += parameters_[k];
}

namespace {

template <class T>
Panels<T> simulate(const Simulation& simulation, const Rows& rows, Job& job) {
  Panels<T> panels(rows.count, simulation.plan.amplitudes(), true);
  forPanels<T>(simulation, rows.count, simulation.flops(rows.count), job, [&](std::size_t p, Simulator<T>& simulator) {
    simulator.states(rows, p * kLanes<T>, panels.panel(p), job);
  });
  return panels;
}

// Few samples of many qubits: one panel for all of them.
template <class T>
WidePanel<T> simulateWide(const Simulation& simulation, const Rows& rows, Job& job) {
  WidePanel<T> panel(rows.count, simulation.plan.amplitudes(), simulation.plan.laneQubits);
  Simulator<T> simulator(simulation);
  simulator.states(rows, 0, panel.data.data(), job);
  job.check();
  // Blocks report their own share of the work, a whole panel has none.
  if (simulation.plan.whole()) job.advance(simulation.flops(simulation.samplesPerPanel<T>()));
  return panel;
}

template <class T>
class StateForward final : public Forward<T> {
 public:
  StateForward(std::shared_ptr<const Simulations> owner, const Simulation& simulation, const Rows& x, const Rows* y,
               T* out, Job& job)
      : owner_(std::move(owner)), simulation_(simulation), inputs_(x, y), x_(simulate<T>(simulation, x, job)) {
    if (y != nullptr) y_ = simulate<T>(simulation, *y, job);
    gramMatrix<T>(x_, y != nullptr ? &y_ : nullptr, out, &overlaps_, job);
  }

  void gradient(const T* dK, const Gradients& out, Job& job) override {
    if (out.dparameters != nullptr) std::fill_n(out.dparameters, simulation_.map.parameters, 0.0);
    side(Side::kRows, inputs_.x(), x_, dK, out.dx, out.dparameters, job);
    if (inputs_.y() != nullptr) side(Side::kColumns, *inputs_.y(), y_, dK, out.dy, out.dparameters, job);
  }

 private:
  void side(Side which, const Rows& rows, const Panels<T>& panels, const T* dK, double* out, double* dparameters,
            Job& job) {
    std::vector<std::unique_ptr<Simulator<T>>> simulators(threads());
    VariableGradients gradients(simulation_.map, kLanes<T>, panels.panels());
    gramAdjoint<T>(x_, inputs_.y() != nullptr ? &y_ : nullptr, overlaps_, dK, which, job,
                   [&](std::size_t p, T* lambda, int worker) {
                     if (!simulators[worker]) simulators[worker] = std::make_unique<Simulator<T>>(simulation_);
                     std::vector<double> dv(gradients.size());
                     simulators[worker]->backward(rows, p * kLanes<T>, panels.panel(p), lambda, dv.data(), job);
                     gradients.take(p, dv.data(), rows, out);
                   });
    gradients.parameters(dparameters);
  }

  std::shared_ptr<const Simulations> owner_;
  const Simulation& simulation_;
  Inputs inputs_;
  Panels<T> x_, y_;
  Overlaps<T> overlaps_;
};

// |overlap|^2, exactly symmetric and with the smaller rounding of the lower triangle's mirror.
template <class T>
void squares(const std::vector<std::complex<double>>& overlaps, std::size_t rows, std::size_t columns, bool symmetric,
             T* out) {
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const bool mirrored = symmetric && j < i;
      out[i * columns + j] = static_cast<T>(std::norm(overlaps[mirrored ? j * columns + i : i * columns + j]));
    }
  }
}

template <class T>
class WideForward final : public Forward<T> {
 public:
  WideForward(std::shared_ptr<const Simulations> owner, const Simulation& simulation, const Rows& x, const Rows* y,
              T* out, Job& job)
      : owner_(std::move(owner)), simulation_(simulation), inputs_(x, y), x_(simulateWide<T>(simulation, x, job)) {
    if (y != nullptr) y_ = simulateWide<T>(simulation, *y, job);
    overlaps_ = laneOverlaps<T>(x_, y != nullptr ? y_ : x_, job);
    squares(overlaps_, x.count, y != nullptr ? y->count : x.count, y == nullptr, out);
  }

  void gradient(const T* dK, const Gradients& out, Job& job) override {
    if (out.dparameters != nullptr) std::fill_n(out.dparameters, simulation_.map.parameters, 0.0);
    const std::size_t n = inputs_.x().count;
    if (inputs_.y() == nullptr) {
      std::vector<std::complex<double>> weights(n * n);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          weights[i * n + j] = (static_cast<double>(dK[i * n + j]) + dK[j * n + i]) * overlaps_[i * n + j];
        }
      }
      side(inputs_.x(), x_, x_, weights, out.dx, out.dparameters, job);
      return;
    }
    const std::size_t m = inputs_.y()->count;
    std::vector<std::complex<double>> rows(n * m), columns(m * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < m; ++j) {
        rows[i * m + j] = static_cast<double>(dK[i * m + j]) * overlaps_[i * m + j];
        columns[j * n + i] = std::conj(rows[i * m + j]);
      }
    }
    side(inputs_.x(), x_, y_, rows, out.dx, out.dparameters, job);
    side(*inputs_.y(), y_, x_, columns, out.dy, out.dparameters, job);
  }

 private:
  void side(const Rows& rows, const WidePanel<T>& targets, const WidePanel<T>& sources,
            const std::vector<std::complex<double>>& weights, double* out, double* dparameters, Job& job) {
    WidePanel<T> lambda(targets.count, targets.amplitudes, targets.laneQubits);
    laneCombine<T>(sources, weights, lambda, job);
    Simulator<T> simulator(simulation_);
    VariableGradients gradients(simulation_.map, simulation_.samplesPerPanel<T>(), 1);
    std::vector<double> dv(gradients.size());
    simulator.backward(rows, 0, targets.data.data(), lambda.data.data(), dv.data(), job);
    job.check();
    gradients.take(0, dv.data(), rows, out);
    gradients.parameters(dparameters);
  }

  std::shared_ptr<const Simulations> owner_;
  const Simulation& simulation_;
  Inputs inputs_;
  WidePanel<T> x_, y_;
  std::vector<std::complex<double>> overlaps_;
};

template <class T>
struct EncodedStates final : Encoded<T> {
  explicit EncodedStates(Panels<T> states) : panels(std::move(states)) {}
  Panels<T> panels;
};

}  // namespace

template <class T>
double StateKernel<T>::flops(std::size_t samples) const {
  const Simulation& simulation = simulations_->forSamples<T>(samples);
  return simulation.flops(samples) + gramFlops(samples, samples, true, simulation.plan.amplitudes(), true);
}

template <class T>
void StateKernel<T>::matrix(const Rows& x, const Rows* y, T* out, Job& job) const {
  const std::size_t others = y != nullptr ? y->count : 0;
  const Simulation& simulation = simulations_->forSamples<T>(std::max(x.count, others));
  if (simulation.plan.laneQubits > 0) {
    const int panels = y != nullptr ? 2 : 1;
    job.expect(panels * simulation.flops(simulation.samplesPerPanel<T>()) +
               laneOverlapFlops<T>(simulation.plan.amplitudes()));
    const WidePanel<T> px = simulateWide<T>(simulation, x, job);
    WidePanel<T> py;
    if (y != nullptr) py = simulateWide<T>(simulation, *y, job);
    const auto overlaps = laneOverlaps<T>(px, y != nullptr ? py : px, job);
    squares(overlaps, x.count, y != nullptr ? others : x.count, y == nullptr, out);
    return;
  }
  job.expect(simulation.flops(x.count + others) +
             gramFlops(x.count, y != nullptr ? others : x.count, y == nullptr, simulation.plan.amplitudes(), true));
  const Panels<T> px = simulate<T>(simulation, x, job);
  Panels<T> py;
  if (y != nullptr) py = simulate<T>(simulation, *y, job);
  gramMatrix<T>(px, y != nullptr ? &py : nullptr, out, nullptr, job);
}

template <class T>
std::shared_ptr<const Encoded<T>> StateKernel<T>::encode(const Rows& x, Job& job) const {
  const Simulation& simulation = simulations_->forSamples<T>(x.batch());
  if (simulation.plan.laneQubits > 0) throw std::logic_error("so few samples are no part of a large matrix");
  job.expect(simulation.flops(x.count));
  return std::make_shared<EncodedStates<T>>(simulate<T>(simulation, x, job));
}

template <class T>
void StateKernel<T>::block(const Encoded<T>& a, const Encoded<T>* b, T* out, Job& job) const {
  const auto panelsOf = [](const Encoded<T>& side) -> const Panels<T>& {
    return static_cast<const EncodedStates<T>&>(side).panels;
  };
  const Panels<T>& rows = panelsOf(a);
  const Panels<T>& columns = panelsOf(b != nullptr ? *b : a);
  job.expect(gramFlops(rows.count, columns.count, b == nullptr, rows.length, true));
  gramMatrix<T>(rows, b != nullptr ? &columns : nullptr, out, nullptr, job);
}

template <class T>
std::unique_ptr<Forward<T>> StateKernel<T>::forward(const Rows& x, const Rows* y, T* out, Job& job) const {
  const Simulation& simulation = simulations_->forSamples<T>(std::max(x.count, y != nullptr ? y->count : 0));
  if (simulation.plan.laneQubits > 0) {
    return std::make_unique<WideForward<T>>(simulations_, simulation, x, y, out, job);
  }
  return std::make_unique<StateForward<T>>(simulations_, simulation, x, y, out, job);
}

template <class T>
void StateKernel<T>::states(const Rows& x, T* real, T* imag, Job& job) const {
  constexpr std::size_t W = kLanes<T>;
  const Simulation& simulation = simulations_->forSamples<T>(x.count);
  const Schedule& plan = simulation.plan;
  const int samples = simulation.samplesPerPanel<T>();
  const std::size_t amplitudes = std::size_t{1} << plan.qubits;
  // Bits of a basis index end up in the panel's index or in the lane's number: the place of an amplitude in the panel
  // is a sum over its bits, looked up for the low and for the high ones.
  const auto placesOf = [&](int first, int count) {
    std::vector<std::size_t> places(std::size_t{1} << count, 0);
    for (std::size_t b = 1; b < places.size(); ++b) {
      const int place = plan.position[first + __builtin_ctzll(b)];
      const bool lane = place < plan.laneQubits;
      places[b] = places[b & (b - 1)] + (lane ? std::size_t{1} << place : 2 * W << (place - plan.laneQubits));
    }
    return places;
  };
  const int lowBits = std::min(plan.qubits, 12);
  const auto low = placesOf(0, lowBits), high = placesOf(lowBits, plan.qubits - lowBits);
  forPanels<T>(simulation, x.count, simulation.flops(x.count), job, [&](std::size_t p, Simulator<T>& simulator) {
    Buffer<T> panel(plan.amplitudes() * 2 * W);
    const std::size_t first = p * samples;
    simulator.states(x, first, panel.data(), job);
    double cosine[W], sine[W];
    simulator.globalPhase(x, first, cosine, sine);
    const std::size_t here = std::min<std::size_t>(samples, x.count - first);
    const double work = 6.0 * static_cast<double>(amplitudes) * static_cast<double>(here);
    parallelFor(high.size(), work, job, [&](std::size_t h, int) {
      for (std::size_t s = 0; s < here; ++s) {
        const std::size_t target = (first + s) * amplitudes + (h << lowBits);
        const T* source = panel.data() + high[h] + (s << plan.laneQubits);
        const T c = static_cast<T>(cosine[s]), d = static_cast<T>(sine[s]);
        for (std::size_t b = 0; b < low.size(); ++b) {
          const T re = source[low[b]], im = source[low[b] + W];
          real[target + b] = re * c - im * d;
          imag[target + b] = re * d + im * c;
        }
      }
    });
  });
}

template class StateKernel<float>;
template class StateKernel<double>;

}  // namespace qrkd
