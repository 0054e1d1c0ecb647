// NEON (AArch64 Advanced SIMD): 32 registers of 4 floats. 24 accumulators (16 in double) cover the latency of four
// multiply-add units; a broadcast costs no register of its own where it becomes the lane operand of the multiply-add.
#include <arm_neon.h>

#include "table.h"

namespace qrkd::neon {

template <int... J>
struct Sequence {};
template <int J>
struct Constant {
  static constexpr int value = J;
};

template <class T>
struct Simd;

template <>
struct Simd<float> {
  using V = float32x4_t;
  static constexpr int VL = 4;
  static V load(const float* p) { return vld1q_f32(p); }
  static void store(float* p, V v) { vst1q_f32(p, v); }
  static V set1(float v) { return vdupq_n_f32(v); }
  static V zero() { return vdupq_n_f32(0); }
  static V add(V a, V b) { return vaddq_f32(a, b); }
  static V sub(V a, V b) { return vsubq_f32(a, b); }
  static V mul(V a, V b) { return vmulq_f32(a, b); }
  static V fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
  static V fnma(V a, V b, V c) { return vfmsq_f32(c, a, b); }
  static V min(V a, V b) { return vminq_f32(a, b); }
  static V max(V a, V b) { return vmaxq_f32(a, b); }
  /// v where a equals b, else 0; v where a is above 0.
  static V equal(V a, V b, V v) { return vbslq_f32(vceqq_f32(a, b), v, zero()); }
  static V positive(V a, V v) { return vbslq_f32(vcgtq_f32(a, zero()), v, zero()); }
  static float sum(V v) { return vaddvq_f32(v); }
};

template <>
struct Simd<double> {
  using V = float64x2_t;
  static constexpr int VL = 2;
  static V load(const double* p) { return vld1q_f64(p); }
  static void store(double* p, V v) { vst1q_f64(p, v); }
  static V set1(double v) { return vdupq_n_f64(v); }
  static V zero() { return vdupq_n_f64(0); }
  static V add(V a, V b) { return vaddq_f64(a, b); }
  static V sub(V a, V b) { return vsubq_f64(a, b); }
  static V mul(V a, V b) { return vmulq_f64(a, b); }
  static V fma(V a, V b, V c) { return vfmaq_f64(c, a, b); }
  static V fnma(V a, V b, V c) { return vfmsq_f64(c, a, b); }
  static V min(V a, V b) { return vminq_f64(a, b); }
  static V max(V a, V b) { return vmaxq_f64(a, b); }
  /// v where a equals b, else 0; v where a is above 0.
  static V equal(V a, V b, V v) { return vbslq_f64(vceqq_f64(a, b), v, zero()); }
  static V positive(V a, V v) { return vbslq_f64(vcgtq_f64(a, zero()), v, zero()); }
  static double sum(V v) { return vaddvq_f64(v); }
};

template <class T>
struct Groups;
template <>
struct Groups<float> {
  static constexpr int kVectors = 4;
  static constexpr int kAccumulators = 24;
  using Columns = Sequence<6, 5, 5>;
};
template <>
struct Groups<double> {
  static constexpr int kVectors = 4;
  static constexpr int kAccumulators = 24;
  using Columns = Sequence<4, 4>;
};

#include "template.inl"

#include "relational.inl"

#include "network.inl"

const InstructionSet& instructionSet() {
  static constexpr InstructionSet set = {"neon",
                                         makeTable<float>("neon"),
                                         makeTable<double>("neon"),
                                         makeRelationalTable(),
                                         makeNetworkTable<float>(),
                                         makeNetworkTable<double>()};
  return set;
}

}  // namespace qrkd::neon
