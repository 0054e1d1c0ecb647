// The kernels of one instruction set. Included by scalar.cpp, avx2.cpp and avx512.cpp inside their own namespace after
// they have defined Simd<T> (vector type, length, load, store, arithmetic) and Groups<T> (register blocking).
//
// Only intrinsics and code of this namespace here: no STL, no shared inline function (see table.h).

template <class T>
constexpr int kWidth = 64 / static_cast<int>(sizeof(T));  // lanes of a panel

#define QRKD_UNROLL _Pragma("GCC unroll 16")

// ---------------------------------------------------------------------------------------------------------------------
// Phases

// Plain loops over doubles, which the compiler turns into this instruction set's vectors. Cody-Waite reduction to
// [-pi/4, pi/4] and the minimax polynomials of fdlibm's __kernel_sin and __kernel_cos (error below 1 ulp).
template <class T>
static void sincos(const double* angle, T* cosine, T* sine, std::size_t count) {
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer held in the low bits
  for (std::size_t i = 0; i < count; ++i) {
    const double x = angle[i];
    const double shifted = x * 0.63661977236758134308 + kMagic;
    const double k = shifted - kMagic;
    unsigned long long quadrant;
    __builtin_memcpy(&quadrant, &shifted, 8);
    double r = x - k * 1.57079632673412561417e+00;
    r = r - k * 6.07710050630396597660e-11;
    r = r - k * 2.02226624879595063154e-21;
    const double z = r * r;
    const double s = r + r * z *
                             (-1.66666666666666324348e-01 +
                              z * (8.33333333332248946124e-03 +
                                   z * (-1.98412698298579493134e-04 +
                                        z * (2.75573137070700676789e-06 +
                                             z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
    const double c = 1.0 - 0.5 * z +
                     z * z *
                         (4.16666666666666019037e-02 +
                          z * (-1.38888888888741095749e-03 +
                               z * (2.48015872894767294178e-05 +
                                    z * (-2.75573143513906633035e-07 +
                                         z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
    unsigned long long sBits, cBits;
    __builtin_memcpy(&sBits, &s, 8);
    __builtin_memcpy(&cBits, &c, 8);
    const unsigned long long swap = 0ULL - (quadrant & 1);
    const unsigned long long sinBits = (sBits ^ ((sBits ^ cBits) & swap)) ^ ((quadrant & 2) << 62);
    const unsigned long long cosBits = (cBits ^ ((sBits ^ cBits) & swap)) ^ (((quadrant + 1) & 2) << 62);
    double sinValue, cosValue;
    __builtin_memcpy(&sinValue, &sinBits, 8);
    __builtin_memcpy(&cosValue, &cosBits, 8);
    cosine[i] = static_cast<T>(cosValue);
    sine[i] = static_cast<T>(sinValue);
  }
}

// out = a * b (or conj(b) * a) for one complex vector.
template <class T, bool Conj>
static inline void complexMultiply(const T* a, typename Simd<T>::V br, typename Simd<T>::V bi, T* out) {
  using S = Simd<T>;
  const auto ar = S::load(a);
  const auto ai = S::load(a + kWidth<T>);
  if constexpr (Conj) {
    S::store(out, S::fma(ai, bi, S::mul(ar, br)));
    S::store(out + kWidth<T>, S::fnma(ar, bi, S::mul(ai, br)));
  } else {
    S::store(out, S::fnma(ai, bi, S::mul(ar, br)));
    S::store(out + kWidth<T>, S::fma(ar, bi, S::mul(ai, br)));
  }
}

// The table of `node` over `bits` bits; its factors are built where the upper halves go.
template <class T>
static void phaseTable(T* out, const T* factors, const PhaseNode* nodes, const PhaseNode& node, int bits) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (int i = 0; i < 2 * W; ++i) out[i] = node.factor < 0 ? T(i < W) : factors[node.factor * 2 * W + i];
  for (int q = 0; q < bits; ++q) {
    const std::size_t half = std::size_t{1} << q;
    T* upper = out + half * 2 * W;
    const PhaseNode& child = nodes[node.children + q];
    if (child.children >= 0) {
      phaseTable<T>(upper, factors, nodes, child, q);
      for (std::size_t b = 0; b < half; ++b) {
        QRKD_UNROLL for (int h = 0; h < W; h += S::VL) {
          T* u = upper + b * 2 * W + h;
          const T* l = out + b * 2 * W + h;
          complexMultiply<T, false>(u, S::load(l), S::load(l + W), u);
        }
      }
    } else if (child.factor < 0) {
      for (std::size_t b = 0; b < half; ++b) {
        QRKD_UNROLL for (int h = 0; h < 2 * W; h += S::VL) {
          S::store(upper + b * 2 * W + h, S::load(out + b * 2 * W + h));
        }
      }
    } else {
      for (int h = 0; h < W; h += S::VL) {
        const auto fr = S::load(factors + child.factor * 2 * W + h);
        const auto fi = S::load(factors + child.factor * 2 * W + W + h);
        for (std::size_t b = 0; b < half; ++b) {
          complexMultiply<T, false>(out + b * 2 * W + h, fr, fi, upper + b * 2 * W + h);
        }
      }
    }
  }
}

template <class T>
static void phaseVector(T* out, const T* factors, const PhaseNode* nodes, int bits) {
  phaseTable<T>(out, factors, nodes, nodes[0], bits);
}

template <class T, bool Conj>
static void multiplyBy(T* psi, const T* phase, std::size_t amplitudes) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (std::size_t b = 0; b < amplitudes; ++b, psi += 2 * W, phase += 2 * W) {
    QRKD_UNROLL for (int h = 0; h < W; h += S::VL) {
      complexMultiply<T, Conj>(psi + h, S::load(phase + h), S::load(phase + W + h), psi + h);
    }
  }
}

template <class T>
static void imagProduct(const T* a, const T* b, T* out, std::size_t amplitudes, int accumulate) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (std::size_t k = 0; k < amplitudes; ++k, a += 2 * W, b += 2 * W, out += W) {
    QRKD_UNROLL for (int h = 0; h < W; h += S::VL) {
      auto g = S::mul(S::load(a + h), S::load(b + W + h));
      g = S::fnma(S::load(a + W + h), S::load(b + h), g);
      if (accumulate) g = S::add(g, S::load(out + h));
      S::store(out + h, g);
    }
  }
}

#include "gates.inl"

// ---------------------------------------------------------------------------------------------------------------------
// Walsh-Hadamard transform

// One radix-4 pass over blocks of 4 * span scalars: the two qubits whose strides are `span` and 2 * span.
template <class T>
static void hadamard4(T* data, std::size_t size, std::size_t span) {
  using S = Simd<T>;
  for (std::size_t base = 0; base < size; base += 4 * span) {
    T* p = data + base;
    for (std::size_t i = 0; i < span; i += S::VL) {
      const auto a = S::load(p + i), b = S::load(p + i + span);
      const auto c = S::load(p + i + 2 * span), d = S::load(p + i + 3 * span);
      const auto ab = S::add(a, b), amb = S::sub(a, b), cd = S::add(c, d), cmd = S::sub(c, d);
      S::store(p + i, S::add(ab, cd));
      S::store(p + i + span, S::add(amb, cmd));
      S::store(p + i + 2 * span, S::sub(ab, cd));
      S::store(p + i + 3 * span, S::sub(amb, cmd));
    }
  }
}

template <class T>
static void hadamard2(T* data, std::size_t size, std::size_t span) {
  using S = Simd<T>;
  for (std::size_t base = 0; base < size; base += 2 * span) {
    T* p = data + base;
    for (std::size_t i = 0; i < span; i += S::VL) {
      const auto a = S::load(p + i), b = S::load(p + i + span);
      S::store(p + i, S::add(a, b));
      S::store(p + i + span, S::sub(a, b));
    }
  }
}

// Depth first: the top two qubits over the whole range, then each quarter on its own, so that all lower qubits run in
// L1 (16 KiB leaves).
template <class T>
static void hadamard(T* panel, int qubits, std::size_t width) {
  const std::size_t size = width << qubits;
  if (size * sizeof(T) > 16384 && qubits >= 2) {
    hadamard4(panel, size, size / 4);
    for (int quarter = 0; quarter < 4; ++quarter) hadamard(panel + quarter * (size / 4), qubits - 2, width);
    return;
  }
  std::size_t span = width;
  int left = qubits;
  if (left & 1) {
    hadamard2(panel, size, span);
    span *= 2;
    --left;
  }
  for (; left > 0; left -= 2, span *= 4) hadamard4(panel, size, span);
}

// ---------------------------------------------------------------------------------------------------------------------
// Matrix products over panels. One microkernel serves the Gram tile and the adjoint, complex and real: R vectors of
// lanes against J broadcast scalars, K steps, R * J accumulators in registers.

template <class T, int R, int J, int AStride, int BStride, int JStride>
static inline __attribute__((always_inline)) void steps(const T* a, const T* b, std::size_t count,
                                                        typename Simd<T>::V* sum) {
  using S = Simd<T>;
  for (std::size_t k = 0; k < count; ++k) {
    typename S::V lanes[R];
    QRKD_UNROLL for (int r = 0; r < R; ++r) lanes[r] = S::load(a + r * S::VL);
    QRKD_UNROLL for (int j = 0; j < J; ++j) {
      const auto scalar = S::set1(b[j * JStride]);
      QRKD_UNROLL for (int r = 0; r < R; ++r) sum[j * R + r] = S::fma(lanes[r], scalar, sum[j * R + r]);
    }
    a += AStride;
    b += BStride;
  }
}

// sum[j][r] is added to out[j * stride + r * VL].
template <class T, int R, int J>
static inline __attribute__((always_inline)) void flush(const typename Simd<T>::V* sum, std::size_t stride, T* out) {
  using S = Simd<T>;
  QRKD_UNROLL for (int j = 0; j < J; ++j) {
    QRKD_UNROLL for (int r = 0; r < R; ++r) {
      T* t = out + j * stride + r * S::VL;
      S::store(t, S::add(S::load(t), sum[j * R + r]));
    }
  }
}

// A complex product conj(a) b summed over steps, from three real ones: with P1 = sum re(a) re(b), P2 = sum im(a) im(b)
// and P3 = sum (re(a) + im(a)) (im(b) - re(b)) it is P1 + P2 + i (P1 - P2 + P3). `product(part, sum)` adds the steps of
// the real parts (0), the imaginary parts (1) or their sums and differences (2).
template <class T, int R, int J, class Product>
static inline __attribute__((always_inline)) void complexProduct(std::size_t stride, T* out, const Product& product) {
  using S = Simd<T>;
  typename S::V sum[R * J], imaginary[R * J];
  QRKD_UNROLL for (int i = 0; i < R * J; ++i) sum[i] = S::zero();
  product(1, sum);
  QRKD_UNROLL for (int i = 0; i < R * J; ++i) imaginary[i] = S::add(sum[i], sum[i]);
  product(0, sum);
  flush<T, R, J>(sum, stride, out);
  QRKD_UNROLL for (int i = 0; i < R * J; ++i) sum[i] = S::sub(sum[i], imaginary[i]);
  product(2, sum);
  flush<T, R, J>(sum, stride, out + kWidth<T>);
}

template <class T>
static void partSums(const T* psi, T sign, std::size_t amplitudes, T* out) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  const auto factor = S::set1(sign);
  for (std::size_t k = 0; k < amplitudes; ++k, psi += 2 * W, out += W) {
    QRKD_UNROLL for (int h = 0; h < W; h += S::VL) {
      S::store(out + h, S::fma(factor, S::load(psi + h), S::load(psi + W + h)));
    }
  }
}

template <class T, int J>
static inline __attribute__((always_inline)) void gramGroup(const T* a, const T* aSums, const T* b,
                                                            const T* bDifferences, std::size_t amplitudes, T* tile) {
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  complexProduct<T, R, J>(
      2 * W, tile, [&](int part, typename Simd<T>::V* sum) __attribute__((always_inline)) {
        if (part == 2) {
          steps<T, R, J, W, W, 1>(aSums, bDifferences, amplitudes, sum);
        } else {
          steps<T, R, J, 2 * W, 2 * W, 1>(a + part * W, b + part * W, amplitudes, sum);
        }
      });
}

template <class T, int... J>
static inline void gramTileGroups(const T* a, const T* aSums, const T* b, const T* bDifferences, std::size_t amplitudes,
                                  T* tile, Sequence<J...>) {
  constexpr int W = kWidth<T>;
  for (int h = 0; h < W; h += Groups<T>::kVectors * Simd<T>::VL) {
    int j = 0;
    ((gramGroup<T, J>(a + h, aSums + h, b + j, bDifferences + j, amplitudes, tile + j * 2 * W + h), j += J), ...);
  }
}

template <class T>
static void gramTile(const T* a, const T* aSums, const T* b, const T* bDifferences, std::size_t amplitudes, T* tile) {
  gramTileGroups<T>(a, aSums, b, bDifferences, amplitudes, tile, typename Groups<T>::Columns{});
}

template <class T, int J>
static inline __attribute__((always_inline)) void gramGroupReal(const T* a, const T* b, std::size_t rows, T* tile) {
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  typename Simd<T>::V sum[R * J];
  QRKD_UNROLL for (int i = 0; i < R * J; ++i) sum[i] = Simd<T>::zero();
  steps<T, R, J, W, W, 1>(a, b, rows, sum);
  flush<T, R, J>(sum, W, tile);
}

template <class T, int... J>
static inline void gramTileRealGroups(const T* a, const T* b, std::size_t rows, T* tile, Sequence<J...>) {
  constexpr int W = kWidth<T>;
  for (int h = 0; h < W; h += Groups<T>::kVectors * Simd<T>::VL) {
    int j = 0;
    ((gramGroupReal<T, J>(a + h, b + j, rows, tile + j * W + h), j += J), ...);
  }
}

template <class T>
static void gramTileReal(const T* a, const T* b, std::size_t rows, T* tile) {
  gramTileRealGroups<T>(a, b, rows, tile, typename Groups<T>::Columns{});
}

template <class T, int J>
static inline __attribute__((always_inline)) void applyGroup(const T* const* psi, const T* const* differences,
                                                             std::size_t amplitude, const T* coefficient,
                                                             const T* coefficientSums, int panels, T* lambda) {
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  for (int h = 0; h < W; h += R * Simd<T>::VL) {
    complexProduct<T, R, J>(
        2 * W, lambda + h, [&](int part, typename Simd<T>::V* sum) __attribute__((always_inline)) {
          for (int p = 0; p < panels; ++p) {
            if (part == 2) {
              steps<T, R, J, W, 1, W>(coefficientSums + p * W * W + h, differences[p] + amplitude * W, W, sum);
            } else {
              steps<T, R, J, 2 * W, 1, 2 * W>(coefficient + p * 2 * W * W + part * W + h,
                                              psi[p] + amplitude * 2 * W + part * W, W, sum);
            }
          }
        });
  }
}

template <class T, int... J>
static inline void applyTileGroups(const T* const* psi, const T* const* differences, const T* coefficient,
                                   const T* coefficientSums, int panels, std::size_t amplitudes, T* lambda,
                                   Sequence<J...>) {
  constexpr int W = kWidth<T>;
  std::size_t b = 0;
  while (b + (J + ...) <= amplitudes) {
    ((applyGroup<T, J>(psi, differences, b, coefficient, coefficientSums, panels, lambda + b * 2 * W), b += J), ...);
  }
  for (; b < amplitudes; ++b) {
    applyGroup<T, 1>(psi, differences, b, coefficient, coefficientSums, panels, lambda + b * 2 * W);
  }
}

template <class T>
static void applyTile(const T* const* psi, const T* const* differences, const T* coefficient, const T* coefficientSums,
                      int panels, std::size_t amplitudes, T* lambda) {
  applyTileGroups<T>(psi, differences, coefficient, coefficientSums, panels, amplitudes, lambda,
                     typename Groups<T>::Columns{});
}

template <class T, int J>
static inline void applyGroupReal(const T* const* x, std::size_t offset, const T* coefficient, int panels, T* out) {
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  for (int h = 0; h < W; h += R * Simd<T>::VL) {
    typename Simd<T>::V sum[R * J];
    QRKD_UNROLL for (int i = 0; i < R * J; ++i) sum[i] = Simd<T>::zero();
    for (int p = 0; p < panels; ++p) {
      steps<T, R, J, W, 1, W>(coefficient + p * W * W + h, x[p] + offset, W, sum);
    }
    flush<T, R, J>(sum, W, out + h);
  }
}

template <class T, int... J>
static inline void applyTileRealGroups(const T* const* x, const T* coefficient, int panels, std::size_t rows, T* out,
                                       Sequence<J...>) {
  constexpr int W = kWidth<T>;
  std::size_t k = 0;
  while (k + (J + ...) <= rows) {
    ((applyGroupReal<T, J>(x, k * W, coefficient, panels, out + k * W), k += J), ...);
  }
  for (; k < rows; ++k) applyGroupReal<T, 1>(x, k * W, coefficient, panels, out + k * W);
}

template <class T>
static void applyTileReal(const T* const* x, const T* coefficient, int panels, std::size_t rows, T* out) {
  applyTileRealGroups<T>(x, coefficient, panels, rows, out, typename Groups<T>::Columns{});
}

// ---------------------------------------------------------------------------------------------------------------------
// Product states: K = prod_q (1 + r_q(x) . r_q(y)) / 2 with Bloch vectors r

template <class T>
static inline typename Simd<T>::V blochFactor(const T* a, const T* b) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  auto f = S::fma(S::load(a), S::set1(b[0]), S::set1(T(0.5)));
  f = S::fma(S::load(a + W), S::set1(b[W]), f);
  return S::fma(S::load(a + 2 * W), S::set1(b[2 * W]), f);
}

template <class T>
static void productTile(const T* a, const T* b, std::size_t qubits, T* tile) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  constexpr int J = 4;  // independent products hide the latency of the chain of multiplications
  for (int h = 0; h < W; h += S::VL) {
    for (int j0 = 0; j0 < W; j0 += J) {
      typename S::V product[J];
      QRKD_UNROLL for (int j = 0; j < J; ++j) product[j] = S::set1(T(1));
      for (std::size_t q = 0; q < qubits; ++q) {
        QRKD_UNROLL for (int j = 0; j < J; ++j) {
          product[j] = S::mul(product[j], blochFactor<T>(a + q * 3 * W + h, b + q * 3 * W + j0 + j));
        }
      }
      QRKD_UNROLL for (int j = 0; j < J; ++j) S::store(tile + (j0 + j) * W + h, product[j]);
    }
  }
}

template <class T>
static void productTileGradient(const T* a, const T* b, const T* weight, std::size_t qubits, T* grad, T* scratch) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (int h = 0; h < W; h += S::VL) {
    for (int j = 0; j < W; ++j) {
      // Products of the factors after q, so that no factor is ever divided by (it may be zero).
      auto suffix = S::load(weight + j * W + h);
      for (std::size_t q = qubits; q-- > 0;) {
        S::store(scratch + q * W + h, suffix);
        suffix = S::mul(suffix, blochFactor<T>(a + q * 3 * W + h, b + q * 3 * W + j));
      }
      auto prefix = S::set1(T(1));
      for (std::size_t q = 0; q < qubits; ++q) {
        const auto d = S::mul(prefix, S::load(scratch + q * W + h));
        T* g = grad + q * 3 * W + h;
        const T* r = b + q * 3 * W + j;
        S::store(g, S::fma(d, S::set1(r[0]), S::load(g)));
        S::store(g + W, S::fma(d, S::set1(r[W]), S::load(g + W)));
        S::store(g + 2 * W, S::fma(d, S::set1(r[2 * W]), S::load(g + 2 * W)));
        prefix = S::mul(prefix, blochFactor<T>(a + q * 3 * W + h, r));
      }
    }
  }
}

template <class T>
static constexpr KernelTable<T> makeTable(const char* name) {
  return {name,
          sincos<T>,
          phaseVector<T>,
          parityPhase<T>,
          hadamard<T>,
          multiplyBy<T, false>,
          multiplyBy<T, true>,
          imagProduct<T>,
          multiplyIndexed<T>,
          imagProductIndexed<T>,
          permute<T>,
          oneQubit<T>,
          oneQubitAdd<T>,
          pairProducts<T>,
          unitary<T>,
          swapLanes<T>,
          productState<T>,
          productGradient<T>,
          partSums<T>,
          gramTile<T>,
          gramTileReal<T>,
          applyTile<T>,
          applyTileReal<T>,
          productTile<T>,
          productTileGradient<T>};
}
