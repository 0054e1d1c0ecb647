// Where and when the layers of a program run on panels.
//
// A panel holds S samples x 2^k amplitudes in its lanes, S 2^k = W: lane s 2^k + l is sample s, and the bits of l are
// qubits. k is 0 except where few samples meet many qubits. The other qubits are slots: bits of the amplitude's index
// in the panel. Gates are vertical, so a gate on a qubit that sits in a lane first exchanges it with a slot.
//
// Large states run in sweeps: each copies blocks of 2^10 amplitudes (of any few slots) to the cache, applies all gates
// that fit, and copies them back; the blocks are what threads share.
#pragma once

#include <memory>
#include <vector>

#include "compiler.h"
#include "phase_polynomial.h"

namespace qrkd {

struct Step {
  enum class Kind { kHadamards, kChain, kDiagonal, kPermutation, kUnitary, kSwapLane };
  Kind kind;
  int position = 0;  ///< kChain, kSwapLane: bit of the block's index
  int lane = 0;      ///< kSwapLane: bit of the lane's index
  int chain = -1;    ///< kChain: index into Schedule::chains; -1: a Hadamard gate
  bool real = true;  ///< kChain: of real matrices
  double scale =
      1;  ///< kDiagonal: norm of Hadamards before it; kHadamards: 1 if a diagonal step takes it, else their norm
  std::shared_ptr<const PhasePolynomial> polynomial;  ///< kDiagonal
  int group = -1;                           ///< kDiagonal: steps of a sweep with equal tables have the same number
  std::vector<unsigned long long> steps;    ///< kDiagonal: block index to table index (empty: the same); kPermutation
  std::vector<unsigned long long> inverse;  ///< kPermutation
  std::size_t first = 0, inverseFirst = 0;  ///< kPermutation: images of index 0
  std::vector<int> positions;               ///< kUnitary
  std::vector<double> matrix;               ///< kUnitary: re, im interleaved
  bool gradient = false;                    ///< has angles
};

struct Sweep {
  std::vector<int> local;  ///< slots in the block's index, ascending; the other slots number the blocks
  std::vector<Step> steps;
  int groups = 0;
  std::vector<int> groupSize;
};

struct Schedule {
  int qubits = 0;
  int laneQubits = 0;
  int slots = 0;  ///< qubits - laneQubits
  bool uniform = false;
  bool direct = false;  ///< the first step is a table over whole blocks on the uniform state: the table is the state
  std::vector<Chain> prefix;
  bool prefixAngles = false;
  std::vector<Chain> chains;
  std::vector<Sweep> sweeps;
  std::vector<int> position;  ///< [qubit] at the end: lane bit if below laneQubits, else laneQubits + slot
  std::vector<PhaseTerm> global;

  /// One sweep over whole panels, nothing copied.
  bool whole() const { return sweeps.size() == 1 && static_cast<int>(sweeps[0].local.size()) == slots; }
  std::size_t amplitudes() const { return std::size_t{1} << slots; }
};

/// blockBits: slots of a block; as many as there are or more means whole panels. At least 3 where blocks are smaller or
/// lanes hold qubits: a gate acts on up to three qubits.
Schedule schedule(const Program& program, int laneQubits, int blockBits);

/// Lane bits for `samples` samples of `lanes`-wide panels.
int laneQubitsFor(int qubits, std::size_t samples, int lanes);

/// Block bits for panels of that many slots.
int blockBitsFor(const Program& program, int slots);

}  // namespace qrkd
