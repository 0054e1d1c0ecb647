// Circuits that never couple two qubits: every qubit is a chain of gates on |0>, no statevector, any number of qubits.
#pragma once

#include <vector>

#include "chain.h"

namespace qrkd {

struct ProductCircuit {
  AngleMap map;
  std::vector<Chain> chains;  // [qubit]
  std::vector<PhaseTerm> global;

  /// Throws std::invalid_argument if a gate acts on several qubits.
  explicit ProductCircuit(const Circuit& circuit);
  std::size_t qubits() const { return chains.size(); }
};

/// Bloch vectors of some samples, qubit by qubit, and their gradient; at most 16 samples.
class ProductSamples {
 public:
  ProductSamples(const ProductCircuit& circuit, int lanes);

  /// Takes samples [first, first + lanes); those past the end repeat zero features.
  void bind(const Rows& rows, std::size_t first);
  /// r [axis][lane] of a qubit.
  void vector(std::size_t qubit, double* r);
  /// Adds the gradient of sum(w * r), w [axis][lane], for a qubit.
  void addGradient(std::size_t qubit, const double* w);
  /// dv [variable][lane] of all that was added since `bind`.
  void variables(double* dv) const;
  /// The two amplitudes of a qubit [bit][re, im][lane].
  void amplitudes(std::size_t qubit, double* u);
  /// The global phase, radians [lane].
  void globalPhase(double* phase) const;

 private:
  const ProductCircuit& circuit_;
  int lanes_;
  std::vector<double> v_, angle_, dangle_;
};

}  // namespace qrkd
