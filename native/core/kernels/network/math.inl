// Elementary functions as plain arithmetic, so that the compiler turns loops of them into vectors. NaN stays NaN.

// What depends on the precision: log2(e) and ln 2 in two parts (the upper one short, so that n * upper is exact), the
// range of exp, the format's bits, degrees of polynomials.
template <class T>
struct Format;
template <>
struct Format<float> {
  using Bits = unsigned;
  static constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer held in the low bits
  static constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  static constexpr float kLowest = -87.3f, kHighest = 88.3f;
  static constexpr int kMantissa = 23, kBias = 127;
  static constexpr int kExponentialDegree = 7, kLogarithmTerms = 8, kNormalDegree = 11;
};
template <>
struct Format<double> {
  using Bits = unsigned long long;
  static constexpr double kMagic = 6755399441055744.0;
  static constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kLowest = -708.0, kHighest = 709.0;
  static constexpr int kMantissa = 52, kBias = 1023;
  static constexpr int kExponentialDegree = 13, kLogarithmTerms = 17, kNormalDegree = 22;
};

// e^x = power * (1 + rest), power = 2^n and |rest| < 0.42: Taylor's series around the nearest multiple of ln 2, whose
// first neglected term is below half a unit in the last place. Arguments beyond the format's range count as its ends.
template <class T>
static inline __attribute__((always_inline)) void exponentialParts(T x, T& power, T& rest) {
  using F = Format<T>;
  constexpr T kInverse[] = {T(1),
                            T(1),
                            T(1.0 / 2),
                            T(1.0 / 6),
                            T(1.0 / 24),
                            T(1.0 / 120),
                            T(1.0 / 720),
                            T(1.0 / 5040),
                            T(1.0 / 40320),
                            T(1.0 / 362880),
                            T(1.0 / 3628800),
                            T(1.0 / 39916800),
                            T(1.0 / 479001600),
                            T(1.0 / 6227020800)};
  x = x < F::kLowest ? F::kLowest : x;
  x = x > F::kHighest ? F::kHighest : x;
  const T shifted = x * T(1.44269504088896340736) + F::kMagic;
  const T n = shifted - F::kMagic;
  const T r = (x - n * F::kLn2High) - n * F::kLn2Low;
  T sum = kInverse[F::kExponentialDegree];
  QRKD_UNROLL for (int k = F::kExponentialDegree - 1; k > 1; --k) sum = sum * r + kInverse[k];
  rest = r + r * r * sum;
  typename F::Bits bits;
  __builtin_memcpy(&bits, &shifted, sizeof(T));
  bits = (bits + F::kBias) << F::kMantissa;
  __builtin_memcpy(&power, &bits, sizeof(T));
}

template <class T>
static inline __attribute__((always_inline)) T exponential(T x) {
  T power, rest;
  exponentialParts(x, power, rest);
  return power + power * rest;
}

// e^x - 1 without cancellation at small x.
template <class T>
static inline __attribute__((always_inline)) T exponentialMinusOne(T x) {
  T power, rest;
  exponentialParts(x, power, rest);
  return (power - T(1)) + power * rest;
}

// log(1 + x) for x in [0, 1]: 2 artanh(x / (2 + x)), whose series converges like 9^-k.
template <class T>
static inline __attribute__((always_inline)) T logarithmOfOnePlus(T x) {
  const T s = x / (T(2) + x), z = s * s;
  T sum = 0;
  QRKD_UNROLL for (int k = Format<T>::kLogarithmTerms; k > 0; --k) sum = (sum + T(1) / T(2 * k + 1)) * z;
  return T(2) * (s + s * sum);
}

template <class T>
static inline __attribute__((always_inline)) T logistic(T x) {
  return T(1) / (T(1) + exponential(-x));
}

// Distribution function and density of the standard normal distribution. The upper tail is
// e^(-z^2) / (1 + 2z) f((z - 3.75) / (z + 3.75)) / 2 with z = |x| / sqrt(2), the form of Shepherd and Laframboise
// (Mathematics of Computation 36, 1981), in which f is nearly a constant. Its polynomials here are truncated Chebyshev
// series computed with 60 digits (errors below 2e-8 and 2e-16).
template <class T>
static inline __attribute__((always_inline)) void normalDistribution(T x, T& below, T& density) {
  constexpr float kFloat[] = {1.237512619e+00f,  -1.402406583e-01f, 3.586270394e-03f,  8.227841998e-02f,
                              -1.088142701e-01f, 9.229076959e-02f,  -5.864685874e-02f, 2.840925236e-02f,
                              -9.844494860e-03f, 1.675912218e-03f,  3.963076130e-04f,  -2.241167467e-04f};
  constexpr double kDouble[] = {
      1.23751263083782748e+00,  -1.40240598585545245e-01, 3.58541548547902569e-03,  8.22767384899950605e-02,
      -1.08803930142444619e-01, 9.23043211642812500e-02,  -5.86933985766493402e-02, 2.83622773721111388e-02,
      -9.74657968326526208e-03, 1.75562616519706516e-03,  2.93714378044958009e-04,  -2.90155352460776551e-04,
      5.16465297417741622e-05,  2.23875657149118162e-05,  -1.14380480333468935e-05, -9.79262570730352307e-07,
      1.74198215862248163e-06,  -5.08446537868730227e-08, -2.48571262480167447e-07, 1.87908232237004807e-08,
      3.19792667166680421e-08,  -1.95513588689856159e-09, -2.62310734713347593e-09};
  const T z = (x < T(0) ? -x : x) * T(0.70710678118654752440);
  const T t = (z - T(3.75)) / (z + T(3.75));
  const auto coefficient = [&](int k) __attribute__((always_inline)) {
    return sizeof(T) == 4 ? T(kFloat[k % 12]) : T(kDouble[k]);
  };
  T f = coefficient(Format<T>::kNormalDegree);
  QRKD_UNROLL for (int k = Format<T>::kNormalDegree - 1; k >= 0; --k) f = f * t + coefficient(k);
  const T e = exponential(T(-0.5) * x * x);
  const T tail = T(0.5) * e * f / (T(1) + T(2) * z);
  below = x < T(0) ? tail : T(1) - tail;
  density = e * T(0.39894228040143267794);
}
