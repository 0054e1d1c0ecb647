// Dense layers on panels: a convolution of one pixel whose weights are read where they lie.

// Weights that pass through L1 at a time, beside as many bytes of inputs and outputs.
constexpr std::size_t kDenseBytes = 16 * 1024;

template <class T>
static void dense(const T* x, std::size_t inputs, const T* w, std::size_t kStride, std::size_t jStride,
                  std::size_t outputs, const T* bias, int relu, T* y) {
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  const int tiles = tileCount(int(outputs), kNetworkTile<T>);
  // Where a tile's weights are apart, as many inputs at a time as keep the cache lines of all tiles in L1.
  const std::size_t block = kStride == 1 ? inputs : (kDenseBytes / (kStride * sizeof(T)) | 15) + 1;
  for (std::size_t k = 0; k < inputs; k += block) {
    const std::size_t steps = inputs - k < block ? inputs - k : block;
    const int rectify = relu && k + steps == inputs;
    std::size_t first = 0;
    for (int t = 0; t < tiles; ++t) {
      const int width = tileWidth(int(outputs), tiles, t);
      withWidth<kNetworkTile<T>>(width, [&](auto j) {
        constexpr int J = decltype(j)::value;
        for (int h = 0; h < W; h += R * Simd<T>::VL) {
          typename Simd<T>::V sum[J * R];
          if (k == 0) {
            startSums<T, J>(bias == nullptr ? nullptr : bias + first, sum);
          } else {
            QRKD_UNROLL for (int i = 0; i < J * R; ++i) {
              sum[i] = Simd<T>::load(y + (first + i / R) * W + h + i % R * Simd<T>::VL);
            }
          }
          pixelSteps<T, 1, J>(x + k * W + h, 0, w + k * kStride + first * jStride, jStride, kStride, steps, sum);
          storeSums<T, J>(sum, rectify, nullptr, y + first * W + h);
        }
      });
      first += width;
    }
  }
}

// J weights' rows by V vectors of outputs, summed over the samples in registers.
template <class T, int J, int V>
static inline void denseGradientTile(const T* const* x, std::size_t panels, std::size_t row, const T* dy,
                                     std::size_t stride, T* sums) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  typename S::V sum[J * V];
  QRKD_UNROLL for (int i = 0; i < J * V; ++i) sum[i] = S::zero();
  for (std::size_t p = 0; p < panels; ++p) {
    const T* a = x[p] + row * W;
    const T* b = dy + p * W * stride;
    for (int lane = 0; lane < W; ++lane, ++a, b += stride) {
      typename S::V g[V];
      QRKD_UNROLL for (int v = 0; v < V; ++v) g[v] = S::load(b + v * S::VL);
      QRKD_UNROLL for (int j = 0; j < J; ++j) {
        const auto scalar = S::set1(a[j * W]);
        QRKD_UNROLL for (int v = 0; v < V; ++v) sum[j * V + v] = S::fma(g[v], scalar, sum[j * V + v]);
      }
    }
  }
  QRKD_UNROLL for (int i = 0; i < J * V; ++i) S::store(sums + i * S::VL, sum[i]);
}

template <class T>
static void denseGradient(const T* const* x, std::size_t panels, std::size_t first, std::size_t last, const T* dy,
                          std::size_t stride, std::size_t outputs, T* gradient) {
  using S = Simd<T>;
  constexpr int V = 2, J = Groups<T>::kAccumulators / V;
  alignas(64) T sums[J * V * S::VL];
  for (std::size_t row = first; row < last;) {
    const bool full = row + J <= last;
    const int rows = full ? J : 1;
    for (std::size_t out = 0; out < outputs; out += V * S::VL) {
      if (full) {
        denseGradientTile<T, J, V>(x, panels, row, dy + out, stride, sums);
      } else {
        denseGradientTile<T, 1, V>(x, panels, row, dy + out, stride, sums);
      }
      const std::size_t count = outputs - out < V * S::VL ? outputs - out : V * S::VL;
      for (int j = 0; j < rows; ++j) {
        for (std::size_t o = 0; o < count; ++o) gradient[(row + j) * outputs + out + o] = sums[j * V * S::VL + o];
      }
    }
    row += rows;
  }
}
