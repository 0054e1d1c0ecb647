// The state that a circuit starts from: uniform, or a product of one-qubit states, with the product's gradient.
#include <algorithm>
#include <cmath>

#include "isa.h"
#include "simulator_work.h"

namespace qrkd {

// start = product of the prefix's amplitudes of all qubits that are not in the block's index; `without` leaves one out.
template <class T>
void Simulator<T>::productStart(const Sweep& sweep, std::uint64_t outer, int without, T* start) const {
  constexpr int W = kLanes<T>;
  std::fill(start, start + W, T(1));
  std::fill(start + W, start + 2 * W, T(0));
  const auto factor = [&](int q, auto bitOf) {
    if (q == without) return;
    for (int i = 0; i < W; ++i) {
      const T* u = prefix_.data() + (q * 2 + bitOf(i)) * 2 * W + i;
      const T re = start[i], im = start[W + i];
      start[i] = re * u[0] - im * u[W];
      start[W + i] = re * u[W] + im * u[0];
    }
  };
  for (int q = 0; q < plan_.laneQubits; ++q) factor(q, [q](int lane) { return lane >> q & 1; });
  std::size_t next = 0;
  int outerBit = 0;
  for (int slot = 0; slot < plan_.slots; ++slot) {
    if (next < sweep.local.size() && sweep.local[next] == slot) {
      ++next;
      continue;
    }
    const int value = static_cast<int>(outer >> outerBit++ & 1);
    factor(plan_.laneQubits + slot, [value](int) { return value; });
  }
}

template <class T>
void Simulator<T>::initial(const Sweep& sweep, Worker& w, std::uint64_t outer, T* psi) {
  constexpr int W = kLanes<T>;
  const int bits = static_cast<int>(sweep.local.size());
  if (plan_.uniform) {
    const T value = static_cast<T>(std::pow(0.5, 0.5 * plan_.qubits));
    for (std::size_t b = 0; b < std::size_t{1} << bits; ++b) {
      std::fill(psi + b * 2 * W, psi + b * 2 * W + W, value);
      std::fill(psi + b * 2 * W + W, psi + (b + 1) * 2 * W, T(0));
    }
    return;
  }
  T start[2 * W];
  productStart(sweep, outer, -1, start);
  T* factors = Worker::room(w.products, static_cast<std::size_t>(bits + 1) * 4 * W);
  for (int k = 0; k < bits; ++k) {
    const T* source = prefix_.data() + static_cast<std::size_t>(plan_.laneQubits + sweep.local[k]) * 4 * W;
    std::copy(source, source + 4 * W, factors + k * 4 * W);
  }
  kernels<T>().productState(psi, start, factors, bits);
}

// d loss / d amplitudes of the prefix's qubits, from lambda at the start. Destroys lambda.
template <class T>
void Simulator<T>::prefixProducts(const Sweep& sweep, Worker& w, std::uint64_t outer, T* lambda, Sums& sums) {
  constexpr int W = kLanes<T>;
  const int bits = static_cast<int>(sweep.local.size());
  T start[2 * W], dstart[2 * W];
  productStart(sweep, outer, -1, start);
  T* factors = Worker::room(w.products, static_cast<std::size_t>(2 * bits + 1) * 4 * W);
  T* du = factors + bits * 4 * W;
  for (int k = 0; k < bits; ++k) {
    const T* source = prefix_.data() + static_cast<std::size_t>(plan_.laneQubits + sweep.local[k]) * 4 * W;
    std::copy(source, source + 4 * W, factors + k * 4 * W);
  }
  T* levels = Worker::room(w.levels, (std::size_t{1} << bits) * 2 * W);
  kernels<T>().productGradient(lambda, start, factors, bits, levels, du, dstart);
  for (int k = 0; k < bits; ++k) {
    double* target = sums.prefix.data() + static_cast<std::size_t>(plan_.laneQubits + sweep.local[k]) * 4 * W;
    for (int i = 0; i < 4 * W; ++i) target[i] += du[k * 4 * W + i];
  }
  // The other qubits' amplitudes are factors of `start`.
  const auto share = [&](int q, auto bitOf) {
    T others[2 * W];
    productStart(sweep, outer, q, others);
    for (int i = 0; i < W; ++i) {
      double* target = sums.prefix.data() + (static_cast<std::size_t>(q) * 2 + bitOf(i)) * 2 * W + i;
      target[0] += dstart[i] * others[i] - dstart[W + i] * others[W + i];
      target[W] += dstart[i] * others[W + i] + dstart[W + i] * others[i];
    }
  };
  for (int q = 0; q < plan_.laneQubits; ++q) share(q, [q](int lane) { return lane >> q & 1; });
  int outerBit = 0;
  for (int slot = 0; slot < plan_.slots; ++slot) {
    if (std::binary_search(sweep.local.begin(), sweep.local.end(), slot)) continue;
    const int value = static_cast<int>(outer >> outerBit++ & 1);
    share(plan_.laneQubits + slot, [value](int) { return value; });
  }
}

#define QRKD_INSTANTIATE(T)                                                      \
  template void Simulator<T>::initial(const Sweep&, Worker&, std::uint64_t, T*); \
  template void Simulator<T>::prefixProducts(const Sweep&, Worker&, std::uint64_t, T*, Sums&);
QRKD_INSTANTIATE(float)
QRKD_INSTANTIATE(double)
#undef QRKD_INSTANTIATE

}  // namespace qrkd
