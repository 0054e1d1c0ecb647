// AVX-512F: 32 registers of 16 floats, a whole panel row each. 16 accumulators.
#include <immintrin.h>

#include "table.h"

namespace qrkd::avx512 {

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
  using V = __m512;
  static constexpr int VL = 16;
  static V load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, V v) { _mm512_storeu_ps(p, v); }
  static V set1(float v) { return _mm512_set1_ps(v); }
  static V zero() { return _mm512_setzero_ps(); }
  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  static V fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }
  static V min(V a, V b) { return _mm512_min_ps(a, b); }
  static V max(V a, V b) { return _mm512_max_ps(a, b); }
  /// v where a equals b, else 0; v where a is above 0.
  static V equal(V a, V b, V v) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), v); }
  static V positive(V a, V v) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, zero(), _CMP_GT_OQ), v); }
  static float sum(V v) {
    const __m256 upper = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), upper);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
};

template <>
struct Simd<double> {
  using V = __m512d;
  static constexpr int VL = 8;
  static V load(const double* p) { return _mm512_loadu_pd(p); }
  static void store(double* p, V v) { _mm512_storeu_pd(p, v); }
  static V set1(double v) { return _mm512_set1_pd(v); }
  static V zero() { return _mm512_setzero_pd(); }
  static V add(V a, V b) { return _mm512_add_pd(a, b); }
  static V sub(V a, V b) { return _mm512_sub_pd(a, b); }
  static V mul(V a, V b) { return _mm512_mul_pd(a, b); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_pd(a, b, c); }
  static V fnma(V a, V b, V c) { return _mm512_fnmadd_pd(a, b, c); }
  static V min(V a, V b) { return _mm512_min_pd(a, b); }
  static V max(V a, V b) { return _mm512_max_pd(a, b); }
  /// v where a equals b, else 0; v where a is above 0.
  static V equal(V a, V b, V v) { return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ), v); }
  static V positive(V a, V v) { return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(a, zero(), _CMP_GT_OQ), v); }
  static double sum(V v) {
    double lanes[VL], total = 0;
    store(lanes, v);
    for (int i = 0; i < VL; ++i) total += lanes[i];
    return total;
  }
};

template <class T>
struct Groups;
template <>
struct Groups<float> {
  static constexpr int kVectors = 1;
  static constexpr int kAccumulators = 24;
  using Columns = Sequence<16>;
};
template <>
struct Groups<double> {
  static constexpr int kVectors = 1;
  static constexpr int kAccumulators = 24;
  using Columns = Sequence<8>;
};

#include "template.inl"

#include "relational.inl"

#include "network.inl"

const InstructionSet& instructionSet() {
  static constexpr InstructionSet set = {"avx512",
                                         makeTable<float>("avx512"),
                                         makeTable<double>("avx512"),
                                         makeRelationalTable(),
                                         makeNetworkTable<float>(),
                                         makeNetworkTable<double>()};
  return set;
}

}  // namespace qrkd::avx512
