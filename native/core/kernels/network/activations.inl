// Maps of single values and their derivatives, and softmax.

// y = f(x) by blocks. The output may be the input's memory, and no compiler vectorises a loop over arrays that may
// overlap; each block is a copy of its own.
template <class T>
constexpr std::size_t kMapBlock = 8 * kWidth<T>;

template <class T>
static inline void copyLines(const T* from, std::size_t count, T* to) {
  using S = Simd<T>;
  for (std::size_t k = 0; k < count; k += S::VL) S::store(to + k, S::load(from + k));
}

template <class T, class F>
static inline __attribute__((always_inline)) void mapLines(const T* x, std::size_t count, T* y, const F& f) {
  alignas(64) T block[kMapBlock<T>];
  for (std::size_t i = 0; i < count; i += kMapBlock<T>) {
    const std::size_t size = count - i < kMapBlock<T> ? count - i : kMapBlock<T>;
    copyLines(x + i, size, block);
    for (std::size_t k = 0; k < size; ++k) block[k] = f(block[k]);
    copyLines(block, size, y + i);
  }
}

// dx = dy * f(from)
template <class T, class F>
static inline __attribute__((always_inline)) void scaleLines(const T* from, const T* dy, std::size_t count, T* dx,
                                                             const F& f) {
  alignas(64) T block[kMapBlock<T>];
  for (std::size_t i = 0; i < count; i += kMapBlock<T>) {
    const std::size_t size = count - i < kMapBlock<T> ? count - i : kMapBlock<T>;
    copyLines(dy + i, size, block);
    for (std::size_t k = 0; k < size; ++k) block[k] *= f(from[i + k]);
    copyLines(block, size, dx + i);
  }
}

template <class T>
static void rectify(const T* x, std::size_t count, T* y) {
  using S = Simd<T>;
  // In this order NaN stays NaN on every instruction set.
  for (std::size_t i = 0; i < count; i += S::VL) S::store(y + i, S::max(S::zero(), S::load(x + i)));
}

template <class T>
static void rectifyGradient(const T* y, const T* dy, std::size_t count, T* dx) {
  using S = Simd<T>;
  for (std::size_t i = 0; i < count; i += S::VL) S::store(dx + i, S::positive(S::load(y + i), S::load(dy + i)));
}

// Klambauer et al. 2017, equation 14.
template <class T>
constexpr T kSeluScale = T(1.0507009873554804934193349852946);
template <class T>
constexpr T kSeluScaleAlpha = T(1.7580993408473768599402175208123);

// 0.5 x (1 + tanh u) = x logistic(2 u) with 2 u = c x (1 + a x^2): Hendrycks and Gimpel 2016.
template <class T>
constexpr T kGeluC = T(1.5957691216057307117597842397375);  // 2 sqrt(2 / pi)
template <class T>
constexpr T kGeluA = T(0.044715);

// tanh(softplus(x)) as a fraction of e^x; from e^20 on it is 1 in both precisions.
template <class T>
static inline __attribute__((always_inline)) T mishFactor(T x, T& derivative) {
  const T power = exponential(x), e = power > T(5e8) ? T(5e8) : power;
  const T numerator = e * e + T(2) * e, inverse = T(1) / (numerator + T(2));
  derivative = T(4) * e * (e + T(1)) * inverse * inverse;
  return numerator * inverse;
}

template <class T>
static void activate(Activation kind, T alpha, const T* x, std::size_t count, T* y) {
  switch (kind) {
    case Activation::kRelu:
      return rectify(x, count, y);
    case Activation::kRelu6:
      return mapLines(x, count, y, [](T v) {
        const T low = v < T(0) ? T(0) : v;
        return low > T(6) ? T(6) : low;
      });
    case Activation::kLeakyRelu:
      return mapLines(x, count, y, [alpha](T v) { return v * (v > T(0) ? T(1) : alpha); });
    case Activation::kElu:
      return mapLines(x, count, y, [alpha](T v) {
        const T e = alpha * exponentialMinusOne(v);
        return v > T(0) ? v : e;
      });
    case Activation::kSelu:
      return mapLines(x, count, y, [](T v) {
        const T e = kSeluScaleAlpha<T> * exponentialMinusOne(v);
        return v > T(0) ? kSeluScale<T> * v : e;
      });
    case Activation::kTanh:
      return mapLines(x, count, y, [](T v) {
        const T size = v < T(0) ? -v : v;
        const T m = exponentialMinusOne(T(2) * size);
        const T t = m / (m + T(2));
        return v < T(0) ? -t : t;
      });
    case Activation::kSigmoid:
      return mapLines(x, count, y, [](T v) { return logistic(v); });
    case Activation::kSoftplus:
      return mapLines(x, count, y, [](T v) {
        const T rest = logarithmOfOnePlus(exponential(v < T(0) ? v : -v));
        return v > T(0) ? v + rest : rest;
      });
    case Activation::kHardSigmoid:
      return mapLines(x, count, y, [](T v) {
        const T line = T(0.2) * v + T(0.5), low = line < T(0) ? T(0) : line;
        return low > T(1) ? T(1) : low;
      });
    case Activation::kSwish:
      return mapLines(x, count, y, [](T v) { return v * logistic(v); });
    case Activation::kGelu:
      return mapLines(x, count, y, [](T v) {
        T below, density;
        normalDistribution(v, below, density);
        return v * below;
      });
    case Activation::kGeluNew:
      return mapLines(x, count, y, [](T v) { return v * logistic(kGeluC<T> * v * (T(1) + kGeluA<T> * v * v)); });
    case Activation::kMish:
      return mapLines(x, count, y, [](T v) {
        T derivative;
        return v * mishFactor(v, derivative);
      });
  }
}

template <class T>
static void activateGradient(Activation kind, T alpha, const T* from, const T* dy, std::size_t count, T* dx) {
  switch (kind) {
    case Activation::kRelu:
      return rectifyGradient(from, dy, count, dx);
    case Activation::kRelu6:
      return scaleLines(from, dy, count, dx, [](T y) { return y > T(0) && y < T(6) ? T(1) : T(0); });
    case Activation::kLeakyRelu:
      return scaleLines(from, dy, count, dx, [alpha](T y) { return y > T(0) ? T(1) : alpha; });
    case Activation::kElu:
      return scaleLines(from, dy, count, dx, [alpha](T y) { return y > T(0) ? T(1) : y + alpha; });
    case Activation::kSelu:
      return scaleLines(from, dy, count, dx, [](T y) { return y > T(0) ? kSeluScale<T> : y + kSeluScaleAlpha<T>; });
    case Activation::kTanh:
      return scaleLines(from, dy, count, dx, [](T y) { return T(1) - y * y; });
    case Activation::kSigmoid:
      return scaleLines(from, dy, count, dx, [](T y) { return y * (T(1) - y); });
    case Activation::kSoftplus:
      return scaleLines(from, dy, count, dx, [](T y) { return -exponentialMinusOne(-y); });
    case Activation::kHardSigmoid:
      return scaleLines(from, dy, count, dx, [](T x) {
        const T line = T(0.2) * x + T(0.5);
        return line >= T(0) && line <= T(1) ? T(0.2) : T(0);
      });
    case Activation::kSwish:
      return scaleLines(from, dy, count, dx, [](T x) {
        const T s = logistic(x);
        return s * (T(1) + x * (T(1) - s));
      });
    case Activation::kGelu:
      return scaleLines(from, dy, count, dx, [](T x) {
        T below, density;
        normalDistribution(x, below, density);
        return below + x * density;
      });
    case Activation::kGeluNew:
      return scaleLines(from, dy, count, dx, [](T x) {
        const T square = kGeluA<T> * x * x, s = logistic(kGeluC<T> * x * (T(1) + square));
        return s + x * s * (T(1) - s) * kGeluC<T> * (T(1) + T(3) * square);
      });
    case Activation::kMish:
      return scaleLines(from, dy, count, dx, [](T x) {
        T derivative;
        const T t = mishFactor(x, derivative);
        return t + x * derivative;
      });
  }
}

template <class T>
static void softmax(const T* x, std::size_t pixels, std::size_t channels, T* y) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (std::size_t p = 0; p < pixels; ++p, x += channels * W, y += channels * W) {
    for (int h = 0; h < W; h += S::VL) {
      auto largest = S::load(x + h);
      for (std::size_t c = 1; c < channels; ++c) largest = S::max(largest, S::load(x + c * W + h));
      for (std::size_t c = 0; c < channels; ++c) S::store(y + c * W + h, S::sub(S::load(x + c * W + h), largest));
    }
    mapLines(y, channels * W, y, [](T v) { return exponential(v); });
    T sums[W] = {};
    for (std::size_t c = 0; c < channels; ++c) {
      for (int h = 0; h < W; h += S::VL) S::store(sums + h, S::add(S::load(sums + h), S::load(y + c * W + h)));
    }
    for (T& sum : sums) sum = T(1) / sum;
    for (std::size_t c = 0; c < channels; ++c) {
      for (int h = 0; h < W; h += S::VL) S::store(y + c * W + h, S::mul(S::load(y + c * W + h), S::load(sums + h)));
    }
  }
}

template <class T>
static void softmaxGradient(const T* y, const T* dy, std::size_t pixels, std::size_t channels, T* dx) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (std::size_t p = 0; p < pixels; ++p, y += channels * W, dy += channels * W, dx += channels * W) {
    for (int h = 0; h < W; h += S::VL) {
      auto sum = S::zero();
      for (std::size_t c = 0; c < channels; ++c) sum = S::fma(S::load(y + c * W + h), S::load(dy + c * W + h), sum);
      for (std::size_t c = 0; c < channels; ++c) {
        S::store(dx + c * W + h, S::mul(S::load(y + c * W + h), S::sub(S::load(dy + c * W + h), sum)));
      }
    }
  }
}
