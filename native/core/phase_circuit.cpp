#include "phase_circuit.h"

#include <algorithm>
#include <cmath>

#include "isa.h"

namespace qrkd {

template <class T>
PhaseCircuitScratch<T>::PhaseCircuitScratch(const PhaseCircuit& circuit) : circuit_(circuit) {
  constexpr std::size_t W = kLanes<T>;
  const std::size_t n = circuit.qubits;
  pairBlock_.assign(n * n, -1);
  for (std::size_t q = 0; q < n; ++q) {
    for (std::size_t j = 0; j < q; ++j) {
      const int angle = circuit.pair[q * n + j];
      if (angle < 0) continue;
      pairBlock_[q * n + j] = static_cast<int>(pairAngle_.size());
      pairAngle_.push_back(angle);
    }
  }
  const std::size_t blocks = 1 + n + pairAngle_.size();
  x_ = Buffer<double>(circuit.map.features * W);
  angle_ = Buffer<double>(circuit.map.angles() * W);
  combined_ = Buffer<double>(blocks * W);
  cosine_ = Buffer<T>(blocks * W);
  sine_ = Buffer<T>(blocks * W);
  start_ = Buffer<T>(2 * W);
  single_ = Buffer<T>(n * 2 * W);
  pairs_ = Buffer<T>(std::max<std::size_t>(1, pairAngle_.size()) * 2 * W);
}

// The angles modulo 4 pi (the global phase takes halves of them): sums of large angles would lose the digits that
// matter.
template <class T>
void PhaseCircuitScratch<T>::reducedAngles(const Rows& rows, std::size_t first) {
  constexpr int W = kLanes<T>;
  circuit_.map.forward(rows, first, W, x_.data(), angle_.data());
  const std::size_t count = angle_.size();
  bool large = false;
  for (std::size_t i = 0; i < count; ++i) large |= !(std::abs(angle_[i]) < 1e6);
  if (large) {
    // Beyond the range of the reduction below: the C library's exact one.
    circuit_.map.requireFinite(rows, first, W, angle_.data());
    for (std::size_t i = 0; i < count; ++i) {
      const double half = 0.5 * angle_[i];
      if (std::abs(half) >= 5e5) angle_[i] = 2 * std::atan2(std::sin(half), std::cos(half));
    }
  }
  // Cody-Waite: 4 pi in three parts, of which k times the first two is exact for all k that occur.
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  for (std::size_t i = 0; i < count; ++i) {
    const double k = (angle_[i] * 0.07957747154594766788 + kMagic) - kMagic;
    double r = angle_[i] - k * (8 * 1.57079632673412561417e+00);
    r -= k * (8 * 6.07710050630396597660e-11);
    angle_[i] = r - k * (8 * 2.02226624879595063154e-21);
  }
}

template <class T>
void PhaseCircuitScratch<T>::phaseVector(const Rows& rows, std::size_t first, T* out) {
  constexpr int W = kLanes<T>;
  const int n = circuit_.qubits;
  reducedAngles(rows, first);
  // Blocks of W angles: the global phase, every qubit's total, every pair's -2 theta.
  double* global = combined_.data();
  double* totals = global + W;
  double* pairs = totals + n * W;
  std::fill(combined_.data(), pairs, 0.0);
  for (std::size_t k = 0; k < circuit_.map.angles(); ++k) {
    for (int i = 0; i < W; ++i) global[i] += circuit_.globalPhase * angle_[k * W + i];
  }
  for (int q = 0; q < n; ++q) {
    const auto add = [&](int angle) {
      for (int i = 0; angle >= 0 && i < W; ++i) totals[q * W + i] += angle_[angle * W + i];
    };
    add(circuit_.single[q]);
    // Pairs with a higher qubit count too: while its bit is 0, the parity is b_q.
    for (int j = 0; j < n; ++j) add(circuit_.pair[std::max(q, j) * n + std::min(q, j)]);
  }
  for (std::size_t p = 0; p < pairAngle_.size(); ++p) {
    for (int i = 0; i < W; ++i) pairs[p * W + i] = -2 * angle_[pairAngle_[p] * W + i];
  }

  const std::size_t count = combined_.size();
  kernels<T>().sincos(combined_.data(), cosine_.data(), sine_.data(), count);
  const T scale = static_cast<T>(std::pow(0.5, 0.5 * n));
  const auto interleave = [&](std::size_t block, T* target, T factor) {
    for (int i = 0; i < W; ++i) {
      target[i] = factor * cosine_[block * W + i];
      target[W + i] = factor * sine_[block * W + i];
    }
  };
  // The normalisation 2^{-n/2} of the Hadamards rides on the phase vector.
  interleave(0, start_.data(), scale);
  for (int q = 0; q < n; ++q) interleave(1 + q, single_.data() + q * 2 * W, T(1));
  for (std::size_t p = 0; p < pairAngle_.size(); ++p) interleave(1 + n + p, pairs_.data() + p * 2 * W, T(1));
  kernels<T>().phaseVector(out, start_.data(), single_.data(), pairs_.data(), pairBlock_.data(), n);
}

template <class T>
void PhaseCircuitScratch<T>::states(const Rows& rows, std::size_t first, T* psi) {
  constexpr std::size_t W = kLanes<T>;
  const std::size_t amplitudes = circuit_.amplitudes();
  // H on |0...0> is uniform, so the first repetition is the phase vector itself.
  phaseVector(rows, first, psi);
  if (circuit_.reps == 1) return;
  if (phase_.size() == 0) phase_ = Buffer<T>(amplitudes * 2 * W);
  std::copy(psi, psi + phase_.size(), phase_.data());
  for (int rep = 1; rep < circuit_.reps; ++rep) {
    kernels<T>().hadamard(psi, circuit_.qubits, 2 * W);
    kernels<T>().multiply(psi, phase_.data(), amplitudes);
  }
}

template <class T>
void PhaseCircuitScratch<T>::backward(const Rows& rows, std::size_t first, const T* psi, T* lambda, double* dx) {
  constexpr std::size_t W = kLanes<T>;
  const std::size_t amplitudes = circuit_.amplitudes();
  const auto& kernel = kernels<T>();
  if (gradient_.size() == 0) gradient_ = Buffer<T>(amplitudes * W);
  kernel.imagProduct(psi, lambda, gradient_.data(), amplitudes, 0);
  if (circuit_.reps > 1) {
    if (phase_.size() == 0) phase_ = Buffer<T>(amplitudes * 2 * W);
    phaseVector(rows, first, phase_.data());
    if (circuit_.reps > 2) {
      if (state_.size() == 0) state_ = Buffer<T>(amplitudes * 2 * W);
      std::copy(psi, psi + state_.size(), state_.data());
    }
    for (int rep = circuit_.reps; rep > 1; --rep) {
      kernel.multiplyConj(lambda, phase_.data(), amplitudes);
      kernel.hadamard(lambda, circuit_.qubits, 2 * W);
      if (rep > 2) {
        kernel.multiplyConj(state_.data(), phase_.data(), amplitudes);
        kernel.hadamard(state_.data(), circuit_.qubits, 2 * W);
      }
      // The state after the first repetition is the phase vector itself.
      kernel.imagProduct(rep > 2 ? state_.data() : phase_.data(), lambda, gradient_.data(), amplitudes, 1);
    }
  } else {
    circuit_.map.forward(rows, first, W, x_.data(), angle_.data());
  }
  // d loss / d theta = 2 sum_b parity(b & mask) g_b = ghat(0) - ghat(mask), all masks from one real transform.
  kernel.hadamard(gradient_.data(), circuit_.qubits, W);
  const auto store = [&](int angle, std::size_t mask) {
    if (angle < 0) return;
    for (std::size_t i = 0; i < W; ++i) {
      angle_[angle * W + i] = static_cast<double>(gradient_[i]) - static_cast<double>(gradient_[mask * W + i]);
    }
  };
  for (int q = 0; q < circuit_.qubits; ++q) {
    store(circuit_.single[q], std::size_t{1} << q);
    for (int j = 0; j < q; ++j) {
      store(circuit_.pair[q * circuit_.qubits + j], (std::size_t{1} << q) | (std::size_t{1} << j));
    }
  }
  circuit_.map.backward(x_.data(), angle_.data(), W, dx);
}

template class PhaseCircuitScratch<float>;
template class PhaseCircuitScratch<double>;

}  // namespace qrkd
