// Statistics over samples and pixels for batch normalisation, and layer normalisation.

// Calls add(channel, pixel's offset, j-th channel of the tile, sums) over all pixels for tiles of channels whose sums
// stay in registers, then gives the first `lanes` samples' total of each sum to `out(q, channel, total)`.
template <class T, int Q, int J, class Add>
static inline __attribute__((always_inline)) void channelTile(std::size_t pixels, std::size_t channels, int lanes,
                                                              std::size_t channel, double* const* totals,
                                                              const Add& add) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>, R = W / S::VL;
  typename S::V sum[Q * J * R];
  QRKD_UNROLL for (int i = 0; i < Q * J * R; ++i) sum[i] = S::zero();
  std::size_t at = channel * W;
  for (std::size_t p = 0; p < pixels; ++p, at += channels * W) {
    QRKD_UNROLL for (int j = 0; j < J; ++j) {
      QRKD_UNROLL for (int r = 0; r < R; ++r) add(channel + j, at + j * W + r * S::VL, sum + (j * R + r) * Q);
    }
  }
  T line[W];
  for (int q = 0; q < Q; ++q) {
    for (int j = 0; j < J; ++j) {
      QRKD_UNROLL for (int r = 0; r < R; ++r) S::store(line + r * S::VL, sum[(j * R + r) * Q + q]);
      double total = 0;
      for (int lane = 0; lane < lanes; ++lane) total += double(line[lane]);
      totals[q][channel + j] = total;
    }
  }
}

template <class T, int Q, class Add>
static inline __attribute__((always_inline)) void channelTotals(std::size_t pixels, std::size_t channels, int lanes,
                                                                double* const* totals, const Add& add) {
  constexpr int J = Q == 1 ? 4 : 2;
  std::size_t c = 0;
  for (; c + J <= channels; c += J) channelTile<T, Q, J>(pixels, channels, lanes, c, totals, add);
  for (; c < channels; ++c) channelTile<T, Q, 1>(pixels, channels, lanes, c, totals, add);
}

template <class T>
static void channelSums(const T* x, std::size_t pixels, std::size_t channels, int lanes, double* sums) {
  using S = Simd<T>;
  channelTotals<T, 1>(
      pixels, channels, lanes,
      &sums, [&](std::size_t, std::size_t at, typename S::V * sum) __attribute__((always_inline)) {
        sum[0] = S::add(sum[0], S::load(x + at));
      });
}

template <class T>
static void channelSquares(const T* x, const T* mean, std::size_t pixels, std::size_t channels, int lanes,
                           double* sums) {
  using S = Simd<T>;
  channelTotals<T, 1>(
      pixels, channels, lanes,
      &sums, [&](std::size_t c, std::size_t at, typename S::V * sum) __attribute__((always_inline)) {
        const auto d = S::sub(S::load(x + at), S::set1(mean[c]));
        sum[0] = S::fma(d, d, sum[0]);
      });
}

template <class T>
static void channelProducts(const T* x, const T* mean, const T* dy, std::size_t pixels, std::size_t channels, int lanes,
                            double* sums, double* products) {
  using S = Simd<T>;
  double* const totals[2] = {sums, products};
  channelTotals<T, 2>(
      pixels, channels, lanes,
      totals, [&](std::size_t c, std::size_t at, typename S::V * sum) __attribute__((always_inline)) {
        const auto g = S::load(dy + at);
        sum[0] = S::add(sum[0], g);
        sum[1] = S::fma(g, S::sub(S::load(x + at), S::set1(mean[c])), sum[1]);
      });
}

template <class T>
static void channelAffine(const T* x, const T* mean, const T* scale, const T* shift, std::size_t pixels,
                          std::size_t channels, T* y) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (std::size_t p = 0; p < pixels; ++p) {
    for (std::size_t c = 0; c < channels; ++c, x += W, y += W) {
      const auto m = S::set1(mean[c]), a = S::set1(scale[c]), b = S::set1(shift[c]);
      QRKD_UNROLL for (int h = 0; h < W; h += S::VL) S::store(y + h, S::fma(S::sub(S::load(x + h), m), a, b));
    }
  }
}

template <class T>
static void channelAffineGradient(const T* x, const T* mean, const T* dy, const T* a, const T* b, const T* shift,
                                  std::size_t pixels, std::size_t channels, T* dx) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (std::size_t p = 0; p < pixels; ++p) {
    for (std::size_t c = 0; c < channels; ++c, x += W, dy += W, dx += W) {
      const auto m = S::set1(mean[c]), first = S::set1(a[c]), second = S::set1(b[c]), third = S::set1(shift[c]);
      QRKD_UNROLL for (int h = 0; h < W; h += S::VL) {
        const auto rest = S::fma(S::sub(S::load(x + h), m), second, third);
        S::store(dx + h, S::fma(S::load(dy + h), first, rest));
      }
    }
  }
}

template <class T>
static void layerNormalize(const T* x, const T* gamma, const T* beta, double epsilon, std::size_t groups,
                           std::size_t size, T* kept, T* y) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  const auto fraction = S::set1(T(1) / T(size));
  for (std::size_t g = 0; g < groups; ++g, x += size * W, y += size * W, kept += 2 * W) {
    for (int h = 0; h < W; h += S::VL) {
      auto sum = S::zero();
      for (std::size_t k = 0; k < size; ++k) sum = S::add(sum, S::load(x + k * W + h));
      const auto mean = S::mul(sum, fraction);
      auto squares = S::zero();
      for (std::size_t k = 0; k < size; ++k) {
        const auto d = S::sub(S::load(x + k * W + h), mean);
        squares = S::fma(d, d, squares);
      }
      S::store(kept + h, mean);
      S::store(kept + W + h, S::mul(squares, fraction));
    }
    for (int k = 0; k < W; ++k) kept[W + k] = T(1) / T(__builtin_sqrt(double(kept[W + k]) + epsilon));
    for (std::size_t k = 0; k < size; ++k) {
      const auto scale = S::set1(gamma == nullptr ? T(1) : gamma[k]), shift = S::set1(beta == nullptr ? T(0) : beta[k]);
      QRKD_UNROLL for (int h = 0; h < W; h += S::VL) {
        const auto centred = S::sub(S::load(x + k * W + h), S::load(kept + h));
        S::store(y + k * W + h, S::fma(S::mul(centred, S::load(kept + W + h)), scale, shift));
      }
    }
  }
}

// With n the normalised values and g = dy gamma: dx = (g - mean(g) - n mean(g n)) / deviation.
template <class T>
static void layerNormalizeGradient(const T* x, const T* gamma, const T* kept, const T* dy, std::size_t groups,
                                   std::size_t size, T* scratch, T* dx, T* gammaGradient, T* betaGradient) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  const auto fraction = S::set1(T(1) / T(size));
  T* products = scratch;
  T* sums = scratch + size * W;
  __builtin_memset(scratch, 0, 2 * size * W * sizeof(T));
  for (std::size_t g = 0; g < groups; ++g, x += size * W, dy += size * W, kept += 2 * W) {
    for (int h = 0; h < W; h += S::VL) {
      const auto mean = S::load(kept + h), inverse = S::load(kept + W + h);
      auto sum = S::zero(), product = S::zero();
      for (std::size_t k = 0; k < size; ++k) {
        const auto n = S::mul(S::sub(S::load(x + k * W + h), mean), inverse), d = S::load(dy + k * W + h);
        S::store(products + k * W + h, S::fma(d, n, S::load(products + k * W + h)));
        S::store(sums + k * W + h, S::add(d, S::load(sums + k * W + h)));
        const auto scaled = gamma == nullptr ? d : S::mul(d, S::set1(gamma[k]));
        sum = S::add(sum, scaled);
        product = S::fma(scaled, n, product);
      }
      if (dx == nullptr) continue;
      sum = S::mul(sum, fraction);
      product = S::mul(product, fraction);
      for (std::size_t k = 0; k < size; ++k) {
        const auto n = S::mul(S::sub(S::load(x + k * W + h), mean), inverse), d = S::load(dy + k * W + h);
        const auto scaled = gamma == nullptr ? d : S::mul(d, S::set1(gamma[k]));
        S::store(dx + k * W + h, S::mul(S::fnma(n, product, S::sub(scaled, sum)), inverse));
      }
    }
    if (dx != nullptr) dx += size * W;
  }
  if (gammaGradient != nullptr) biasGradient(products, 1, size, gammaGradient);
  if (betaGradient != nullptr) biasGradient(sums, 1, size, betaGradient);
}
