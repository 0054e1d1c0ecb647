// The table of functions that each instruction set fills from the one shared template (template.inl).
//
// Plain C-like signatures on purpose: nothing here may cause an inline function or an STL instantiation to be emitted
// from an object file compiled for a newer instruction set, because the linker could then pick that copy for the
// baseline code (an illegal instruction on older machines).
#pragma once

#include <cstddef>

#include "network.h"

namespace qrkd {

/// Amplitudes (or rows) after which a Gram accumulator is flushed from registers into its tile: keeps both operands in
/// half of L1 (8 KiB each, swept six times on AVX2) and bounds the float32 rounding error.
inline constexpr std::size_t kGramChunk = 64;

/// Panels whose contribution is added to lambda while its tile stays in registers.
inline constexpr int kApplyPanels = 4;

/// One factor of a phase polynomial's table and what multiplies it over the lower bits. Node 0 is the table itself.
struct PhaseNode {
  int factor;    ///< index of the entry 0, or -1 for 1
  int children;  ///< index of the node of bit 0; those of higher bits follow. -1: the same for all lower bits
};

template <class T>
struct KernelTable {
  const char* name;

  /// cos and sin of `count` angles (radians, |angle| < 1e6), computed in double, stored as T.
  void (*sincos)(const double* angle, T* cosine, T* sine, std::size_t count);

  /// A phase polynomial's table by doubling: out[b + 2^q] = out[b] * f_q[b], f_q the table of node q's children over
  /// the lower bits (see PhaseNode). `factors`: [index][2][lane].
  void (*phaseVector)(T* out, const T* factors, const PhaseNode* nodes, int bits);
  /// table[b] *= factor where the parity of b & mask is 1; factor [2][lane].
  void (*parityPhase)(T* table, std::size_t entries, std::size_t mask, const T* factor);

  /// In-place unnormalised Walsh-Hadamard transform over the qubits of a panel with `width` scalars per amplitude
  /// (2 * lanes for complex panels, lanes for real ones).
  void (*hadamard)(T* panel, int qubits, std::size_t width);

  /// psi *= phase, or psi *= conj(phase).
  void (*multiply)(T* psi, const T* phase, std::size_t amplitudes);
  void (*multiplyConj)(T* psi, const T* phase, std::size_t amplitudes);

  /// out[b] (+)= Im(conj(a[b]) * b[b]), a real panel.
  void (*imagProduct)(const T* a, const T* b, T* out, std::size_t amplitudes, int accumulate);

  /// The same with a table of fewer entries: amplitude b uses entry image(b), image linear over GF(2). steps[t] is
  /// image(b) xor image(b + 1) for all b that end in t ones.
  void (*multiplyIndexed)(T* psi, const T* table, std::size_t amplitudes, const unsigned long long* steps, int conj);
  void (*imagProductIndexed)(const T* a, const T* b, T* out, std::size_t amplitudes, const unsigned long long* steps);
  /// out[first xor image(b)] = in[b]
  void (*permute)(const T* in, T* out, std::size_t amplitudes, std::size_t first, const unsigned long long* steps);

  /// A 2 x 2 matrix [row][column][2][lane] on bit q of the index; `real`: its imaginary parts are 0.
  void (*oneQubit)(T* psi, int bits, int q, const T* matrix, int real);
  /// out += matrix psi.
  void (*oneQubitAdd)(const T* psi, T* out, int bits, int q, const T* matrix);
  /// out[r][c][2][lane] += sum conj(a_r) b_c over the pairs of amplitudes that differ in bit q.
  void (*pairProducts)(const T* a, const T* b, int bits, int q, T* out);
  /// A matrix [row][column][2] on 1 to 3 bits, the first listed being the lowest of its index.
  void (*unitary)(T* psi, int bits, const int* qubits, int count, const T* matrix);
  /// Exchanges bit q of the index with bit `lane` of the lane's number.
  void (*swapLanes)(T* psi, int bits, int q, int lane);

  /// out[b] = start * prod_q u[q][bit q of b]; u [qubit][bit][2][lane].
  void (*productState)(T* out, const T* start, const T* u, int bits);
  /// Its adjoint, d loss = 2 Re sum conj(lambda) d out = 2 Re (sum du * d u + dstart * d start): writes du, dstart;
  /// destroys lambda; `levels` has room for a panel.
  void (*productGradient)(T* lambda, const T* start, const T* u, int bits, T* levels, T* du, T* dstart);

  /// out[k][i] = im + sign * re: the operands of the third of three real products that make a complex one.
  void (*partSums)(const T* psi, T sign, std::size_t amplitudes, T* out);

  /// tile[j][2][i] += <a_i|b_j> over `amplitudes` (at most kGramChunk for float32 accuracy), given the part sums of `a`
  /// (sign 1) and of `b` (sign -1).
  void (*gramTile)(const T* a, const T* aSums, const T* b, const T* bDifferences, std::size_t amplitudes, T* tile);
  /// tile[j][i] += a_i . b_j for real panels.
  void (*gramTileReal)(const T* a, const T* b, std::size_t rows, T* tile);

  /// lambda[b][2][i] += sum over panels p and lanes j of conj(coefficient[p][j][2][i]) * psi[p][b][2][j], given the
  /// part sums of the coefficients [p][j][i] (sign 1) and of psi (sign -1).
  void (*applyTile)(const T* const* psi, const T* const* differences, const T* coefficient, const T* coefficientSums,
                    int panels, std::size_t amplitudes, T* lambda);
  /// out[k][i] += sum over panels p and lanes j of coefficient[p][j][i] * x[p][k][j].
  void (*applyTileReal)(const T* const* x, const T* coefficient, int panels, std::size_t rows, T* out);

  /// tile[j][i] = prod_q (1/2 + a_q . b_q) for Bloch vectors [qubit][3][lane], those of `a` already halved.
  void (*productTile)(const T* a, const T* b, std::size_t qubits, T* tile);
  /// grad[q][3][i] += sum_j weight[j][i] * d tile[j][i] / d a[q][3][i]; `scratch` has (qubits + 1) * lanes scalars.
  void (*productTileGradient)(const T* a, const T* b, const T* weight, std::size_t qubits, T* grad, T* scratch);
};

/// Sample counts of the relational losses' arrays, their `stride`, are rounded up to this.
inline constexpr std::size_t kColumnPadding = 8;

struct DistanceSums {
  double loss;   // smooth-L1
  double along;  // slope * distance
};

/// One vertex of the RKD angle loss: the cosines at sample `vertex` between all pairs of others. Index 0 is the
/// student, 1 the teacher. Padding has inverse distances of 0, and so adds nothing.
struct AngleVertex {
  std::size_t rows;  // samples, rounded up to an even number
  std::size_t stride;
  std::size_t vertex;
  const double* gram[2];     // [stride][stride]: inner products of the samples
  const double* inverse[2];  // [stride]: 1 / distance to the vertex
  // d loss / d numerator of the cosine of j and k, added to pairs[j][k] for k from the block of kColumnPadding that
  // holds j on; the rest is symmetric and not touched. [stride][stride]
  double* pairs;
  double* numerator;  // [stride]: its sum over k
  double* cosine;     // [stride]: sum over k of d loss / d cosine * cosine
  double* scratch;    // [2][stride]
};

/// One row (i, j) of it from given numerators (x_j - x_i).(x_k - x_i).
struct AngleRow {
  std::size_t count;
  const double* numerators[2];
  const double* inverse[2];  // 1 / |x_k - x_i|
  double inverseJ[2];
  double* gradient;  // d loss / d numerator
};

struct AngleSums {
  double loss;    // smooth-L1
  double cosine;  // d loss / d cosine * cosine
};

/// Loops over samples stored by column, x[column][stride], and over their distances.
struct RelationalTable {
  /// out[k] = sum_c (x[c][k] - point[c])^2
  void (*squaredDistances)(const double* x, std::size_t stride, std::size_t columns, const double* point, double* out);
  /// Their roots, and what these are the inverse of: 0 for distances up to `least`.
  void (*distances)(const double* x, std::size_t stride, std::size_t columns, const double* point, double least,
                    double* distance, double* inverse);
  /// out[k] = sum_c x[c][k] * point[c]
  void (*innerProducts)(const double* x, std::size_t stride, std::size_t columns, const double* point, double* out);
  /// out[c] += sum_k weight[k] * (point[c] - x[c][k])
  void (*weightedDifferences)(const double* x, std::size_t stride, std::size_t columns, const double* point,
                              const double* weight, double* out);
  /// Smooth-L1 between scaled distances of both sides, and its derivative.
  void (*distanceRow)(const double* student, const double* teacher, double studentScale, double teacherScale,
                      std::size_t count, double* slope, DistanceSums& sums);
  /// Returns the vertex's smooth-L1, summed over all j and k.
  double (*angleVertex)(const AngleVertex& vertex);
  void (*angleRow)(const AngleRow& row, AngleSums& sums);
};

struct InstructionSet {
  const char* name;
  KernelTable<float> float32;
  KernelTable<double> float64;
  RelationalTable relational;
  NetworkTable<float> network32;
  NetworkTable<double> network64;
};

namespace scalar {
const InstructionSet& instructionSet();
}
namespace avx2 {
const InstructionSet& instructionSet();
}
namespace avx512 {
const InstructionSet& instructionSet();
}
namespace neon {
const InstructionSet& instructionSet();
}

}  // namespace qrkd
