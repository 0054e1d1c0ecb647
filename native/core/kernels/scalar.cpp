// Baseline: one lane at a time, every machine. Also the oracle of the vector instruction sets.
#include "table.h"

namespace qrkd::scalar {

template <int... J>
struct Sequence {};
template <int J>
struct Constant {
  static constexpr int value = J;
};

template <class T>
struct Simd {
  using V = T;
  static constexpr int VL = 1;
  static V load(const T* p) { return *p; }
  static void store(T* p, V v) { *p = v; }
  static V set1(T v) { return v; }
  static V zero() { return T(0); }
  static V add(V a, V b) { return a + b; }
  static V sub(V a, V b) { return a - b; }
  static V mul(V a, V b) { return a * b; }
  static V fma(V a, V b, V c) { return a * b + c; }
  static V fnma(V a, V b, V c) { return c - a * b; }
  static V min(V a, V b) { return a < b ? a : b; }
  static V max(V a, V b) { return a > b ? a : b; }
  /// v where a equals b, else 0; v where a is above 0.
  static V equal(V a, V b, V v) { return a == b ? v : T(0); }
  static V positive(V a, V v) { return a > T(0) ? v : T(0); }
  static T sum(V v) { return v; }
};

template <class T>
struct Groups;
template <>
struct Groups<float> {
  static constexpr int kVectors = 2;
  static constexpr int kAccumulators = 12;
  using Columns = Sequence<4, 4, 4, 4>;
};
template <>
struct Groups<double> {
  static constexpr int kVectors = 2;
  static constexpr int kAccumulators = 12;
  using Columns = Sequence<4, 4>;
};

#include "template.inl"

#include "relational.inl"

#include "network.inl"

const InstructionSet& instructionSet() {
  static constexpr InstructionSet set = {"scalar",
                                         makeTable<float>("scalar"),
                                         makeTable<double>("scalar"),
                                         makeRelationalTable(),
                                         makeNetworkTable<float>(),
                                         makeNetworkTable<double>()};
  return set;
}

}  // namespace qrkd::scalar
