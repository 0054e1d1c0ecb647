// Circuits of the form (phase polynomial . Hadamards)^reps on |0...0>: the zz, z and iqp feature maps.
#pragma once

#include <vector>

#include "angle_map.h"
#include "panel.h"

namespace qrkd {

/// `reps` times { H on every qubit; exp(i theta) on the odd-parity half of one or two qubits, for every term }.
///
/// All terms of a layer are diagonal, so they commute and one layer is one vector e^{i phi(b)}; it is the same in every
/// repetition. Qubit 0 is the least significant bit of a basis index.
struct PhaseCircuit {
  int qubits = 0;
  int reps = 1;
  AngleMap map;
  std::vector<int> single;  // [qubit]: angle of the phase on b_q, or -1
  std::vector<int> pair;    // [q * qubits + j], j < q: angle of the phase on b_j xor b_q, or -1
  /// Global phase as a multiple of the sum of all angles: 0 for P gates, -1/2 for RZ and exp(-i theta ZZ / 2).
  double globalPhase = 0;

  std::size_t amplitudes() const { return std::size_t{1} << qubits; }
};

/// Work space for one thread.
template <class T>
class PhaseCircuitScratch {
 public:
  explicit PhaseCircuitScratch(const PhaseCircuit& circuit);

  /// Writes the states of samples [first, first + lanes) to a complex panel.
  void states(const Rows& rows, std::size_t first, T* psi);

  /// dx [feature][lane] of samples [first, ...) from their states and lambda, where d loss = 2 Re <lambda|d psi>.
  /// Destroys lambda.
  void backward(const Rows& rows, std::size_t first, const T* psi, T* lambda, double* dx);

 private:
  void reducedAngles(const Rows& rows, std::size_t first);
  void phaseVector(const Rows& rows, std::size_t first, T* out);

  const PhaseCircuit& circuit_;
  std::vector<int> pairBlock_;  // [q * qubits + j]: index of the pair's factor, or -1
  std::vector<int> pairAngle_;  // angle of every pair factor
  Buffer<double> x_, angle_, combined_;
  Buffer<T> start_, single_, pairs_, cosine_, sine_;
  Buffer<T> phase_, state_, gradient_;
};

}  // namespace qrkd
