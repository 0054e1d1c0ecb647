// Circuits as they arrive: a list of gates from a small basis, whose angles are numbered by an AngleMap.
#pragma once

#include <complex>
#include <vector>

#include "angle_map.h"

namespace qrkd {

/// Every other gate is written in these (src/circuits/lower.ts): RZ and the controlled phases are phases on parities,
/// Pauli rotations are phases between changes of basis.
enum class Gate {
  kH,
  kRX,      ///< exp(-i theta X / 2)
  kRY,      ///< exp(-i theta Y / 2)
  kPhase,   ///< e^{i theta} where the parity of the listed qubits is 1
  kGlobal,  ///< e^{i theta} everywhere
  kX,
  kCX,  ///< control, target
  kSwap,
  kUnitary,  ///< fixed matrix on 1 to 3 qubits, the first listed being the least significant bit of its index
};
inline constexpr int kGates = static_cast<int>(Gate::kUnitary) + 1;

struct Operation {
  Gate gate;
  std::vector<int> qubits;
  int angle = -1;                            ///< theta = scale * angle, or
  double scale = 0;                          ///< theta = scale where `angle` is -1
  std::vector<std::complex<double>> matrix;  ///< row-major, of kUnitary
};

/// Qubit 0 is the least significant bit of a basis index; the circuit acts on |0...0>.
struct Circuit {
  int qubits = 0;
  AngleMap map;
  std::vector<Operation> operations;

  std::size_t amplitudes() const { return std::size_t{1} << qubits; }
};

/// Throws std::invalid_argument that says what is wrong: indices out of range, repeated qubits, wrong numbers of qubits
/// or matrix entries, a matrix that is not unitary.
void validate(const Circuit& circuit);

/// Whether no gate couples two qubits, so that states are products.
bool isProduct(const Circuit& circuit);

}  // namespace qrkd
