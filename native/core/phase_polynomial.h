// Phase polynomials: e^{i phi(b)} with phi(b) = sum_t theta_t parity(b & mask_t), as a table over the bits that occur.
//
// The table is built by doubling, e[b + 2^q] = e[b] l_q[b]; the factor l_q is a phase polynomial of the lower bits
// itself, theta_t becoming -2 theta_t, and is built the same way where e's upper half goes. So a layer with all pairs
// takes n (n + 1) / 2 sincos a sample and two complex products an entry. All gradients come from one real
// Walsh-Hadamard transform.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/table.h"
#include "panel.h"

namespace qrkd {

/// One term on a table. A block of a large state has fixed bits outside the table, and a lane may stand for fixed bits
/// too: where their parity is odd, the phase is theta (1 - parity of the table's bits).
struct TableTerm {
  std::uint64_t mask = 0;   ///< table bits
  std::uint64_t outer = 0;  ///< bits of the block's number
  unsigned lanes = 0;       ///< bits of the lane's number
  int angle = -1;           ///< theta = scale * angle, or scale if angle is -1
  double scale = 0;

  bool operator==(const TableTerm& other) const {
    return mask == other.mask && outer == other.outer && lanes == other.lanes && angle == other.angle &&
           scale == other.scale;
  }
};

class PhasePolynomial {
 public:
  PhasePolynomial(std::vector<TableTerm> terms, int bits);

  int bits() const { return bits_; }
  std::size_t entries() const { return std::size_t{1} << bits_; }
  bool hasAngles() const { return hasAngles_; }
  const std::vector<TableTerm>& terms() const { return terms_; }

  /// Work space of one thread.
  template <class T>
  struct Scratch {
    Buffer<double> combined, theta;
    Buffer<T> cosine, sine, factors;
  };

  /// out [entry][re, im][lane] = scale * e^{i phi}. `angles`: [angle][lane], radians.
  template <class T>
  void table(const double* angles, std::uint64_t outer, double scale, Scratch<T>& scratch, T* out) const;

  /// Adds d loss / d angle to dangles [angle][lane] from g [entry][lane] = Im(conj(psi) lambda), d loss = 2 Re
  /// <lambda|d psi>. Destroys g.
  template <class T>
  void gradient(T* g, std::uint64_t outer, double* dangles) const;

 private:
  struct Share {
    int factor, term;
    double coefficient;
  };
  void place(int term, std::uint64_t mask, int node, double coefficient);

  std::vector<TableTerm> terms_;
  int bits_;
  bool hasAngles_ = false;
  std::vector<PhaseNode> nodes_;
  std::vector<Share> shares_;  // which terms make up each factor's phase
  struct Heavy {
    int factor;
    std::uint64_t mask;
  };
  std::vector<Heavy> heavy_;  // terms on so many bits that they are multiplied in one by one
  int factors_ = 1;           // factor 0 is the table's first entry
};

}  // namespace qrkd
