// From a list of gates to a few layers that the simulator runs fast.
//
// Rewrites, each of which leaves the state as it is (up to a global phase that is kept apart):
// - neighbouring gates that commute past others gather in blocks: one-qubit chains, or phases with CX, SWAP and X;
// - inverse neighbours cancel, rotations about the same axis add;
// - within a block of phases and permutations every phase moves to the front, onto the parity of input bits that its
//   qubit holds there, and the permutation of basis states that remains is one affine map over GF(2);
// - phases at the ends of a one-qubit chain join a phase polynomial next to it;
// - chains on qubits that were |0> until then become a product state; H on all of them the uniform state.
#pragma once

#include <cstdint>
#include <vector>

#include "circuit.h"

namespace qrkd {

/// e^{i theta} where the parity of b & mask is 1; theta = scale * angle, or scale if angle is -1.
struct PhaseTerm {
  std::uint64_t mask;
  int angle;
  double scale;
};

/// b -> A b xor offset on basis indices; rows[q] are the input bits whose parity is output bit q.
struct AffineMap {
  std::vector<std::uint64_t> rows;
  std::uint64_t offset = 0;

  AffineMap() = default;
  explicit AffineMap(int qubits);
  bool isIdentity() const;
  void x(int q) { offset ^= std::uint64_t{1} << q; }
  void cx(int control, int target);
  void swap(int a, int b);
};

/// Operations on one qubit in order of time.
using Chain = std::vector<Operation>;

struct Layer {
  enum class Kind { kHadamards, kChain, kDiagonal, kPermutation, kUnitary };
  Kind kind;
  std::uint64_t mask = 0;        ///< qubits touched
  Chain chain;                   ///< kChain
  std::vector<PhaseTerm> terms;  ///< kDiagonal
  std::vector<Operation> moves;  ///< kPermutation: CX, SWAP and X in order of time
  std::vector<int> qubits;       ///< kUnitary
  std::vector<std::complex<double>> matrix;
};

struct Program {
  int qubits = 0;
  bool uniform = false;       ///< starts from H on every qubit
  std::vector<Chain> prefix;  ///< else [qubit]: starts from these chains on |0>
  std::vector<Layer> layers;
  std::vector<PhaseTerm> global;  ///< terms with mask 0: phase e^{i sum theta} of every amplitude

  /// Whether the prefix has any gate.
  bool hasPrefix() const;
};

/// Up to 64 qubits.
Program compile(const Circuit& circuit);

}  // namespace qrkd
