// AVX2 and FMA: 16 registers of 8 floats. 12 accumulators, 2 vector operands, a broadcast.
#include <immintrin.h>

#include "table.h"

namespace qrkd::avx2 {

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
  using V = __m256;
  static constexpr int VL = 8;
  static V load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, V v) { _mm256_storeu_ps(p, v); }
  static V set1(float v) { return _mm256_set1_ps(v); }
  static V zero() { return _mm256_setzero_ps(); }
  static V add(V a, V b) { return _mm256_add_ps(a, b); }
  static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
  static V fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
  static V min(V a, V b) { return _mm256_min_ps(a, b); }
  static V max(V a, V b) { return _mm256_max_ps(a, b); }
  /// v where a equals b, else 0; v where a is above 0.
  static V equal(V a, V b, V v) { return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ), v); }
  static V positive(V a, V v) { return _mm256_and_ps(_mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GT_OQ), v); }
  static float sum(V v) {
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
  }
};

template <>
struct Simd<double> {
  using V = __m256d;
  static constexpr int VL = 4;
  static V load(const double* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, V v) { _mm256_storeu_pd(p, v); }
  static V set1(double v) { return _mm256_set1_pd(v); }
  static V zero() { return _mm256_setzero_pd(); }
  static V add(V a, V b) { return _mm256_add_pd(a, b); }
  static V sub(V a, V b) { return _mm256_sub_pd(a, b); }
  static V mul(V a, V b) { return _mm256_mul_pd(a, b); }
  static V fma(V a, V b, V c) { return _mm256_fmadd_pd(a, b, c); }
  static V fnma(V a, V b, V c) { return _mm256_fnmadd_pd(a, b, c); }
  static V min(V a, V b) { return _mm256_min_pd(a, b); }
  static V max(V a, V b) { return _mm256_max_pd(a, b); }
  /// v where a equals b, else 0; v where a is above 0.
  static V equal(V a, V b, V v) { return _mm256_and_pd(_mm256_cmp_pd(a, b, _CMP_EQ_OQ), v); }
  static V positive(V a, V v) { return _mm256_and_pd(_mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_GT_OQ), v); }
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
  static constexpr int kVectors = 2;
  static constexpr int kAccumulators = 12;
  using Columns = Sequence<6, 5, 5>;
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
  static constexpr InstructionSet set = {"avx2",
                                         makeTable<float>("avx2"),
                                         makeTable<double>("avx2"),
                                         makeRelationalTable(),
                                         makeNetworkTable<float>(),
                                         makeNetworkTable<double>()};
  return set;
}

}  // namespace qrkd::avx2
