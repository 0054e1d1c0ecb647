// Overlaps of few samples whose amplitudes share the lanes of one panel (see schedule.h), and their adjoint.
#pragma once

#include <complex>
#include <vector>

#include "job.h"
#include "panel.h"

namespace qrkd {

/// One panel of `count` samples x 2^laneQubits amplitudes in its lanes; lane s 2^laneQubits + l is sample s.
template <class T>
struct WidePanel {
  Buffer<T> data;
  std::size_t count = 0, amplitudes = 0;
  int laneQubits = 0;

  WidePanel() = default;
  WidePanel(std::size_t samples, std::size_t length, int lanes)
      : data(length * 2 * kLanes<T>), count(samples), amplitudes(length), laneQubits(lanes) {}
};

/// Rough arithmetic of `laneOverlaps`.
template <class T>
constexpr double laneOverlapFlops(std::size_t amplitudes) {
  return 8.0 * static_cast<double>(amplitudes) * kLanes<T> * kLanes<T>;
}

/// <a_i|b_j>, row-major [a.count, b.count]. The microkernel multiplies every lane with every other; where the lanes
/// stand for the same amplitude, the products add up.
template <class T>
std::vector<std::complex<double>> laneOverlaps(const WidePanel<T>& a, const WidePanel<T>& b, Job& job);

/// lambda_i = sum_j conj(coefficient[i, j]) psi_j on panels of the same shape; coefficient row-major [lambda.count,
/// psi.count].
template <class T>
void laneCombine(const WidePanel<T>& psi, const std::vector<std::complex<double>>& coefficient, WidePanel<T>& lambda,
                 Job& job);

}  // namespace qrkd
