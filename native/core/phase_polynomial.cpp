#include "phase_polynomial.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "angles.h"
#include "isa.h"

namespace qrkd {
namespace {

// Terms on w bits share the tree with 2^w - 1 factors each and one product an entry for every level; beyond this weight
// a pass of their own is cheaper.
constexpr int kTreeWeight = 3;

bool odd(std::uint64_t bits) { return __builtin_parityll(bits) != 0; }

}  // namespace

PhasePolynomial::PhasePolynomial(std::vector<TableTerm> terms, int bits) : terms_(std::move(terms)), bits_(bits) {
  nodes_.push_back({0, bits > 0 ? 1 : -1});
  nodes_.resize(1 + bits, {-1, -1});
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const TableTerm& term = terms_[t];
    hasAngles_ |= term.angle >= 0;
    if (__builtin_popcountll(term.mask) <= kTreeWeight) {
      place(static_cast<int>(t), term.mask, 0, 1);
    } else {
      heavy_.push_back({factors_, term.mask});
      shares_.push_back({factors_++, static_cast<int>(t), 1});
    }
  }
}

// parity(mask & (b + 2^q)) = 1 - parity(low & b) for b < 2^q with low the bits of the mask below q: the factor between
// the two halves is theta - 2 theta parity(low & b).
void PhasePolynomial::place(int term, std::uint64_t mask, int node, double coefficient) {
  for (std::uint64_t rest = mask; rest != 0; rest &= rest - 1) {
    const int q = __builtin_ctzll(rest);
    const int child = nodes_[node].children + q;
    if (nodes_[child].factor < 0) nodes_[child].factor = factors_++;
    shares_.push_back({nodes_[child].factor, term, coefficient});
    const std::uint64_t low = mask & ((std::uint64_t{1} << q) - 1);
    if (low == 0) continue;
    if (nodes_[child].children < 0) {
      nodes_[child].children = static_cast<int>(nodes_.size());
      nodes_.resize(nodes_.size() + q, {-1, -1});
    }
    place(term, low, child, -2 * coefficient);
  }
}

template <class T>
void PhasePolynomial::table(const double* angles, std::uint64_t outer, double scale, Scratch<T>& scratch,
                            T* out) const {
  constexpr int W = kLanes<T>;
  const std::size_t count = static_cast<std::size_t>(factors_) * W;
  if (scratch.combined.size() < count) {
    scratch.combined = Buffer<double>(count);
    scratch.cosine = Buffer<T>(count);
    scratch.sine = Buffer<T>(count);
    scratch.factors = Buffer<T>(2 * count);
  }
  if (scratch.theta.size() < terms_.size() * W) scratch.theta = Buffer<double>(terms_.size() * W);
  double* combined = scratch.combined.data();
  double* theta = scratch.theta.data();
  std::fill(combined, combined + count, 0.0);
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const TableTerm& term = terms_[t];
    double* value = theta + t * W;
    for (int i = 0; i < W; ++i) value[i] = term.angle < 0 ? term.scale : term.scale * angles[term.angle * W + i];
    reduceAngles(value, W);
    const bool flip = odd(term.outer & outer);
    if (!flip && term.lanes == 0) continue;
    for (int i = 0; i < W; ++i) {
      if (flip == odd(term.lanes & static_cast<unsigned>(i))) continue;
      combined[i] += value[i];
      value[i] = -value[i];
    }
  }
  for (const Share& share : shares_) {
    const double* value = theta + static_cast<std::size_t>(share.term) * W;
    double* target = combined + static_cast<std::size_t>(share.factor) * W;
    for (int i = 0; i < W; ++i) target[i] += share.coefficient * value[i];
  }
  const KernelTable<T>& kernel = kernels<T>();
  kernel.sincos(combined, scratch.cosine.data(), scratch.sine.data(), count);
  T* factors = scratch.factors.data();
  for (int f = 0; f < factors_; ++f) {
    const T size = f == 0 ? static_cast<T>(scale) : T(1);
    for (int i = 0; i < W; ++i) {
      factors[f * 2 * W + i] = size * scratch.cosine[f * W + i];
      factors[f * 2 * W + W + i] = size * scratch.sine[f * W + i];
    }
  }
  kernel.phaseVector(out, factors, nodes_.data(), bits_);
  for (const Heavy& term : heavy_) kernel.parityPhase(out, entries(), term.mask, factors + term.factor * 2 * W);
}

// d loss / d theta = 2 sum_b parity(b) g_b = ghat(0) -+ ghat(mask), the sign turning where the outer bits are odd.
template <class T>
void PhasePolynomial::gradient(T* g, std::uint64_t outer, double* dangles) const {
  constexpr int W = kLanes<T>;
  kernels<T>().hadamard(g, bits_, W);
  for (const TableTerm& term : terms_) {
    if (term.angle < 0) continue;
    const bool flip = odd(term.outer & outer);
    const T* entry = g + term.mask * W;
    double* target = dangles + static_cast<std::size_t>(term.angle) * W;
    for (int i = 0; i < W; ++i) {
      const bool plus = flip != odd(term.lanes & static_cast<unsigned>(i));
      const double all = g[i], part = entry[i];
      target[i] += term.scale * (plus ? all + part : all - part);
    }
  }
}

template void PhasePolynomial::table(const double*, std::uint64_t, double, Scratch<float>&, float*) const;
template void PhasePolynomial::table(const double*, std::uint64_t, double, Scratch<double>&, double*) const;
template void PhasePolynomial::gradient(float*, std::uint64_t, double*) const;
template void PhasePolynomial::gradient(double*, std::uint64_t, double*) const;

}  // namespace qrkd
