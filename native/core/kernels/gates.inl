// Gates on panels; the part of the template (template.inl) that circuits need beyond phases and Hadamards. The same
// rules: intrinsics and this namespace's code only.
//
// Amplitudes are visited in pairs (or groups) whose indices differ in the bits of the gate's qubits. Matrices that
// depend on the sample are [row][column][re, im][lane].

// acc += a * b for complex numbers held as re, im; with Conj, acc += conj(a) * b.
template <class T, bool Conj>
static inline __attribute__((always_inline)) void accumulate(typename Simd<T>::V ar, typename Simd<T>::V ai,
                                                             typename Simd<T>::V br, typename Simd<T>::V bi,
                                                             typename Simd<T>::V& re, typename Simd<T>::V& im) {
  using S = Simd<T>;
  re = S::fma(ar, br, re);
  im = S::fma(ar, bi, im);
  if constexpr (Conj) {
    re = S::fma(ai, bi, re);
    im = S::fnma(ai, br, im);
  } else {
    re = S::fnma(ai, bi, re);
    im = S::fma(ai, br, im);
  }
}

// out_a (+)= sum_c m_ac psi_c over a run of pairs; psi and out may be the same.
template <class T, bool Real, bool Add>
static inline __attribute__((always_inline)) void oneQubitRun(const T* zero, const T* one, T* outZero, T* outOne,
                                                              std::size_t count, const T* m) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (int h = 0; h < W; h += S::VL) {
    const auto m00r = S::load(m + h), m00i = S::load(m + W + h), m01r = S::load(m + 2 * W + h);
    const auto m01i = S::load(m + 3 * W + h), m10r = S::load(m + 4 * W + h), m10i = S::load(m + 5 * W + h);
    const auto m11r = S::load(m + 6 * W + h), m11i = S::load(m + 7 * W + h);
    for (std::size_t b = 0; b < count; ++b) {
      const std::size_t at = b * 2 * W + h;
      const auto ar = S::load(zero + at), ai = S::load(zero + at + W);
      const auto br = S::load(one + at), bi = S::load(one + at + W);
      typename S::V r0, i0, r1, i1;
      if constexpr (Add) {
        r0 = S::load(outZero + at), i0 = S::load(outZero + at + W);
        r1 = S::load(outOne + at), i1 = S::load(outOne + at + W);
        r0 = S::fma(m00r, ar, r0), i0 = S::fma(m00r, ai, i0), r1 = S::fma(m10r, ar, r1), i1 = S::fma(m10r, ai, i1);
      } else {
        r0 = S::mul(m00r, ar), i0 = S::mul(m00r, ai), r1 = S::mul(m10r, ar), i1 = S::mul(m10r, ai);
      }
      r0 = S::fma(m01r, br, r0), i0 = S::fma(m01r, bi, i0), r1 = S::fma(m11r, br, r1), i1 = S::fma(m11r, bi, i1);
      if constexpr (!Real) {
        r0 = S::fnma(m00i, ai, r0), i0 = S::fma(m00i, ar, i0), r1 = S::fnma(m10i, ai, r1), i1 = S::fma(m10i, ar, i1);
        r0 = S::fnma(m01i, bi, r0), i0 = S::fma(m01i, br, i0), r1 = S::fnma(m11i, bi, r1), i1 = S::fma(m11i, br, i1);
      }
      S::store(outZero + at, r0), S::store(outZero + at + W, i0);
      S::store(outOne + at, r1), S::store(outOne + at + W, i1);
    }
  }
}

// Runs of pairs that stay in L1 between the halves of a panel.
static constexpr std::size_t kRun = 32;

template <class T, bool Real, bool Add>
static void oneQubitPass(const T* psi, T* out, int bits, int q, const T* matrix) {
  constexpr int W = kWidth<T>;
  const std::size_t stride = std::size_t{1} << q, amplitudes = std::size_t{1} << bits;
  const std::size_t run = stride < kRun ? stride : kRun;
  for (std::size_t base = 0; base < amplitudes; base += 2 * stride) {
    for (std::size_t b = base; b < base + stride; b += run) {
      const std::size_t zero = b * 2 * W, one = (b + stride) * 2 * W;
      oneQubitRun<T, Real, Add>(psi + zero, psi + one, out + zero, out + one, run, matrix);
    }
  }
}

template <class T>
static void oneQubit(T* psi, int bits, int q, const T* matrix, int real) {
  if (real) {
    oneQubitPass<T, true, false>(psi, psi, bits, q, matrix);
  } else {
    oneQubitPass<T, false, false>(psi, psi, bits, q, matrix);
  }
}

template <class T>
static void oneQubitAdd(const T* psi, T* out, int bits, int q, const T* matrix) {
  oneQubitPass<T, false, true>(psi, out, bits, q, matrix);
}

template <class T>
static void pairProducts(const T* a, const T* b, int bits, int q, T* out) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  constexpr std::size_t kFlush = 256;  // pairs, after which registers are added to `out`: bounds rounding
  const std::size_t stride = std::size_t{1} << q, pairs = (std::size_t{1} << bits) / 2;
  for (int h = 0; h < W; h += S::VL) {
    for (std::size_t first = 0; first < pairs; first += kFlush) {
      const std::size_t last = first + kFlush < pairs ? first + kFlush : pairs;
      typename S::V re[4], im[4];
      QRKD_UNROLL for (int k = 0; k < 4; ++k) re[k] = im[k] = S::zero();
      for (std::size_t p = first; p < last; ++p) {
        // Bit q of the pair's index is opened up.
        const std::size_t zero = ((p >> q) << (q + 1) | (p & (stride - 1))) * 2 * W + h;
        const std::size_t one = zero + stride * 2 * W;
        const auto a0r = S::load(a + zero), a0i = S::load(a + zero + W);
        const auto a1r = S::load(a + one), a1i = S::load(a + one + W);
        const auto b0r = S::load(b + zero), b0i = S::load(b + zero + W);
        accumulate<T, true>(a0r, a0i, b0r, b0i, re[0], im[0]);
        accumulate<T, true>(a1r, a1i, b0r, b0i, re[2], im[2]);
        const auto b1r = S::load(b + one), b1i = S::load(b + one + W);
        accumulate<T, true>(a0r, a0i, b1r, b1i, re[1], im[1]);
        accumulate<T, true>(a1r, a1i, b1r, b1i, re[3], im[3]);
      }
      QRKD_UNROLL for (int k = 0; k < 4; ++k) {
        T* target = out + k * 2 * W + h;
        S::store(target, S::add(S::load(target), re[k]));
        S::store(target + W, S::add(S::load(target + W), im[k]));
      }
    }
  }
}

// Fixed unitaries on 1 to 3 qubits, the same for every lane.
template <class T, int Qubits>
static void unitaryPass(T* psi, int bits, const int* qubits, const T* matrix) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  constexpr int D = 1 << Qubits;
  std::size_t offset[D];
  for (int r = 0; r < D; ++r) {
    offset[r] = 0;
    for (int k = 0; k < Qubits; ++k) {
      if (r >> k & 1) offset[r] += (std::size_t{1} << qubits[k]) * 2 * W;
    }
  }
  std::size_t support = 0;
  for (int k = 0; k < Qubits; ++k) support |= std::size_t{1} << qubits[k];
  for (std::size_t b = 0; b < std::size_t{1} << bits; b = ((b | support) + 1) & ~support) {
    T* base = psi + b * 2 * W;
    for (int h = 0; h < W; h += S::VL) {
      T re[D * S::VL], im[D * S::VL];
      QRKD_UNROLL for (int c = 0; c < D; ++c) {
        S::store(re + c * S::VL, S::load(base + offset[c] + h));
        S::store(im + c * S::VL, S::load(base + offset[c] + W + h));
      }
      for (int r = 0; r < D; ++r) {
        auto sumRe = S::zero(), sumIm = S::zero();
        QRKD_UNROLL for (int c = 0; c < D; ++c) {
          const T* m = matrix + (r * D + c) * 2;
          accumulate<T, false>(S::set1(m[0]), S::set1(m[1]), S::load(re + c * S::VL), S::load(im + c * S::VL), sumRe,
                               sumIm);
        }
        S::store(base + offset[r] + h, sumRe);
        S::store(base + offset[r] + W + h, sumIm);
      }
    }
  }
}

template <class T>
static void unitary(T* psi, int bits, const int* qubits, int count, const T* matrix) {
  if (count == 1) unitaryPass<T, 1>(psi, bits, qubits, matrix);
  if (count == 2) unitaryPass<T, 2>(psi, bits, qubits, matrix);
  if (count == 3) unitaryPass<T, 3>(psi, bits, qubits, matrix);
}

// ---------------------------------------------------------------------------------------------------------------------
// Linear maps of indices. image(b) is linear over GF(2); steps[t] is image(b) xor image(b + 1) where b ends in t ones.

static inline std::size_t nextImage(std::size_t b, const unsigned long long* steps) {
  return static_cast<std::size_t>(steps[__builtin_ctzll(b + 1)]);
}

template <class T>
static void permute(const T* in, T* out, std::size_t amplitudes, std::size_t first, const unsigned long long* steps) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  std::size_t image = first;
  for (std::size_t b = 0; b < amplitudes; ++b) {
    QRKD_UNROLL for (int h = 0; h < 2 * W; h += S::VL) {
      S::store(out + image * 2 * W + h, S::load(in + b * 2 * W + h));
    }
    image ^= nextImage(b, steps);
  }
}

template <class T>
static void multiplyIndexed(T* psi, const T* table, std::size_t amplitudes, const unsigned long long* steps, int conj) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  std::size_t image = 0;
  for (std::size_t b = 0; b < amplitudes; ++b, psi += 2 * W) {
    const T* f = table + image * 2 * W;
    for (int h = 0; h < W; h += S::VL) {
      if (conj) {
        complexMultiply<T, true>(psi + h, S::load(f + h), S::load(f + W + h), psi + h);
      } else {
        complexMultiply<T, false>(psi + h, S::load(f + h), S::load(f + W + h), psi + h);
      }
    }
    image ^= nextImage(b, steps);
  }
}

template <class T>
static void imagProductIndexed(const T* a, const T* b, T* table, std::size_t amplitudes,
                               const unsigned long long* steps) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  std::size_t image = 0;
  for (std::size_t k = 0; k < amplitudes; ++k, a += 2 * W, b += 2 * W) {
    T* out = table + image * W;
    for (int h = 0; h < W; h += S::VL) {
      auto g = S::fma(S::load(a + h), S::load(b + W + h), S::load(out + h));
      S::store(out + h, S::fnma(S::load(a + W + h), S::load(b + h), g));
    }
    image ^= nextImage(k, steps);
  }
}

template <class T>
static void parityPhase(T* table, std::size_t entries, std::size_t mask, const T* factor) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (std::size_t b = 0; b < entries; ++b) {
    if (!__builtin_parityll(b & mask)) continue;
    T* entry = table + b * 2 * W;
    for (int h = 0; h < W; h += S::VL) {
      complexMultiply<T, false>(entry + h, S::load(factor + h), S::load(factor + W + h), entry + h);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Product states: start * prod_q u_q[bit q], with u [qubit][bit][re, im][lane]

// lower, upper = source * u[0], source * u[1]
template <class T>
static inline void double_(const T* source, T* lower, T* upper, std::size_t count, const T* u) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (int h = 0; h < W; h += S::VL) {
    const auto u0r = S::load(u + h), u0i = S::load(u + W + h);
    const auto u1r = S::load(u + 2 * W + h), u1i = S::load(u + 3 * W + h);
    for (std::size_t b = 0; b < count; ++b) {
      const std::size_t at = b * 2 * W + h;
      complexMultiply<T, false>(source + at, u1r, u1i, upper + at);
      complexMultiply<T, false>(source + at, u0r, u0i, lower + at);
    }
  }
}

template <class T>
static void productState(T* out, const T* start, const T* u, int bits) {
  constexpr int W = kWidth<T>;
  for (int i = 0; i < 2 * W; ++i) out[i] = start[i];
  for (int q = 0; q < bits; ++q) {
    const std::size_t half = std::size_t{1} << q;
    double_<T>(out, out, out + half * 2 * W, half, u + q * 4 * W);
  }
}

template <class T>
static void productGradient(T* lambda, const T* start, const T* u, int bits, T* levels, T* du, T* dstart) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  // The states of the lower q qubits, for every q: level q begins at amplitude 2^q - 1.
  for (int i = 0; i < 2 * W; ++i) levels[i] = start[i];
  for (int q = 0; q + 1 < bits; ++q) {
    const std::size_t half = std::size_t{1} << q;
    T* next = levels + (2 * half - 1) * 2 * W;
    double_<T>(levels + (half - 1) * 2 * W, next, next + half * 2 * W, half, u + q * 4 * W);
  }
  for (int q = bits; q-- > 0;) {
    const std::size_t half = std::size_t{1} << q;
    const T* level = levels + (half - 1) * 2 * W;
    for (int h = 0; h < W; h += S::VL) {
      const T* v = u + q * 4 * W + h;
      const auto u0r = S::load(v), u0i = S::load(v + W), u1r = S::load(v + 2 * W), u1i = S::load(v + 3 * W);
      auto c0r = S::zero(), c0i = S::zero(), c1r = S::zero(), c1i = S::zero();
      for (std::size_t b = 0; b < half; ++b) {
        T* low = lambda + b * 2 * W + h;
        const T* high = low + half * 2 * W;
        const auto lr = S::load(low), li = S::load(low + W), hr = S::load(high), hi = S::load(high + W);
        const auto sr = S::load(level + b * 2 * W + h), si = S::load(level + b * 2 * W + W + h);
        accumulate<T, true>(lr, li, sr, si, c0r, c0i);
        accumulate<T, true>(hr, hi, sr, si, c1r, c1i);
        auto re = S::zero(), im = S::zero();
        accumulate<T, true>(u0r, u0i, lr, li, re, im);
        accumulate<T, true>(u1r, u1i, hr, hi, re, im);
        S::store(low, re);
        S::store(low + W, im);
      }
      T* d = du + q * 4 * W + h;
      S::store(d, c0r), S::store(d + W, c0i), S::store(d + 2 * W, c1r), S::store(d + 3 * W, c1i);
    }
  }
  // d loss = 2 Re(dstart * d start)
  for (int i = 0; i < W; ++i) {
    dstart[i] = lambda[i];
    dstart[W + i] = -lambda[W + i];
  }
}

// Exchanges bit `lane` of the lane's index with qubit `q`.
template <class T>
static void swapLanes(T* psi, int bits, int q, int lane) {
  constexpr int W = kWidth<T>;
  const std::size_t stride = std::size_t{1} << q, amplitudes = std::size_t{1} << bits;
  const int run = 1 << lane;
  for (std::size_t base = 0; base < amplitudes; base += 2 * stride) {
    for (std::size_t b = base; b < base + stride; ++b) {
      for (int part = 0; part < 2; ++part) {
        T* zero = psi + (b * 2 + part) * W + run;
        T* one = psi + ((b + stride) * 2 + part) * W;
        for (int group = 0; group < W; group += 2 * run) {
          for (int i = 0; i < run; ++i) {
            const T kept = zero[group + i];
            zero[group + i] = one[group + i];
            one[group + i] = kept;
          }
        }
      }
    }
  }
}
