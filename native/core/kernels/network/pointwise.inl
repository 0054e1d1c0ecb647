// The weights' gradient of products at every pixel: sums over pixels and lanes of a line of one side times one of the
// other.

// Pixels at a time. A tile of one side and two of the other then stay in L1, and a sum over lanes comes seldom.
constexpr int kPointwisePixels = kPointwiseLines;
constexpr int kPointwiseTiles = 2;

// Lines of `count` channels of some pixels, one pixel behind the other: as they lie in memory, pixels are a power of
// two apart and push each other out of the cache.
template <class T>
static void packPixels(const T* x, std::size_t channels, std::size_t pixels, int count, T* to) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (std::size_t p = 0; p < pixels; ++p, x += channels * W, to += count * W) {
    for (int k = 0; k < count * W; k += S::VL) S::store(to + k, S::load(x + k));
  }
}

// gradient[k * aStride + j * bStride] += sum over pixels and lanes of a[pixel][k] * b[pixel][j].
template <class T, int K, int J>
static void pointwiseGradientTile(const T* a, const T* b, std::size_t pixels, std::size_t aStride, std::size_t bStride,
                                  T* gradient) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  typename S::V sum[K * J];
  QRKD_UNROLL for (int i = 0; i < K * J; ++i) sum[i] = S::zero();
  for (std::size_t p = 0; p < pixels; ++p, a += K * W, b += J * W) {
    QRKD_UNROLL for (int h = 0; h < W; h += S::VL) {
      typename S::V in[K];
      QRKD_UNROLL for (int k = 0; k < K; ++k) in[k] = S::load(a + k * W + h);
      QRKD_UNROLL for (int j = 0; j < J; ++j) {
        const auto g = S::load(b + j * W + h);
        QRKD_UNROLL for (int k = 0; k < K; ++k) sum[k * J + j] = S::fma(in[k], g, sum[k * J + j]);
      }
    }
  }
  QRKD_UNROLL for (int k = 0; k < K; ++k) {
    QRKD_UNROLL for (int j = 0; j < J; ++j) gradient[k * aStride + j * bStride] += S::sum(sum[k * J + j]);
  }
}

template <class T>
static void pointwiseGradient(const PointwiseGradientPlan& plan, const T* a, const T* b, T* scratch, T* gradient) {
  constexpr int W = kWidth<T>;
  const int aTiles = tileCount(plan.aChannels, kGradientInputs<T>);
  const int bTiles = tileCount(plan.bChannels, kGradientOutputs<T>);
  T* group = scratch + std::size_t(kPointwisePixels) * plan.aChannels * W;
  for (std::size_t start = 0; start < plan.pixels; start += kPointwisePixels) {
    const std::size_t pixels = plan.pixels - start < kPointwisePixels ? plan.pixels - start : kPointwisePixels;
    const T* aBlock = a + start * plan.aChannels * W;
    const T* bBlock = b + start * plan.bChannels * W;
    for (int i = 0, k = 0; i < aTiles; k += tileWidth(plan.aChannels, aTiles, i++)) {
      packPixels(aBlock + k * W, plan.aChannels, pixels, tileWidth(plan.aChannels, aTiles, i),
                 scratch + k * pixels * W);
    }
    for (int first = 0, j = 0; first < bTiles; first += kPointwiseTiles) {
      const int last = first + kPointwiseTiles < bTiles ? first + kPointwiseTiles : bTiles;
      int end = j;
      for (int t = first; t < last; end += tileWidth(plan.bChannels, bTiles, t++)) {
        packPixels(bBlock + end * W, plan.bChannels, pixels, tileWidth(plan.bChannels, bTiles, t),
                   group + (end - j) * pixels * W);
      }
      for (int i = 0, k = 0; i < aTiles; k += tileWidth(plan.aChannels, aTiles, i++)) {
        withWidth<kGradientInputs<T>>(tileWidth(plan.aChannels, aTiles, i), [&](auto inputs) {
          for (int t = first, at = j; t < last; at += tileWidth(plan.bChannels, bTiles, t++)) {
            withWidth<kGradientOutputs<T>>(tileWidth(plan.bChannels, bTiles, t), [&](auto outputs) {
              pointwiseGradientTile<T, decltype(inputs)::value, decltype(outputs)::value>(
                  scratch + k * pixels * W, group + (at - j) * pixels * W, pixels, plan.aStride, plan.bStride,
                  gradient + k * plan.aStride + at * plan.bStride);
            });
          }
        });
      }
      j = end;
    }
  }
}
