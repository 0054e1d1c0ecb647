// Depthwise convolutions: each channel has a kernel of its own, so that there is no sum over channels to keep in
// registers; tiles of channels share the walk over taps.

template <class T>
constexpr int kDepthwiseTile = 4;

// Sums of J channels of one output pixel; add(tap's input pixel, tap's weights, channel, sums of a channel).
template <class T, int J, class Add>
static inline __attribute__((always_inline)) void depthwisePixel(const ConvolutionPlan& plan, int row, int column,
                                                                 std::size_t channel, std::size_t packedChannels,
                                                                 const T* x, const T* packed, const T* bias, T* y,
                                                                 const Add& add) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  for (int h = 0; h < W; h += R * S::VL) {
    typename S::V sum[J * R];
    QRKD_UNROLL for (int j = 0; j < J; ++j) {
      const auto start = bias == nullptr ? S::zero() : S::set1(bias[channel + j]);
      QRKD_UNROLL for (int r = 0; r < R; ++r) sum[j * R + r] = start;
    }
    for (int i = plan.rowStarts[row]; i < plan.rowStarts[row + 1]; ++i) {
      for (int c = plan.columnStarts[column]; c < plan.columnStarts[column + 1]; ++c) {
        const TapRun& run = plan.columns[c];
        const T* pixel = x + (std::size_t(plan.rows[i].input) * plan.inWidth + run.input) * plan.inChannels * W + h;
        const T* tap = packed + (std::size_t(plan.rows[i].tap) * plan.kernelWidth + run.tap) * packedChannels;
        for (int k = 0; k < run.count; ++k, pixel += std::size_t(plan.inChannels) * W, tap += packedChannels) {
          QRKD_UNROLL for (int j = 0; j < J; ++j) add(pixel, tap, channel + j, sum + j * R);
        }
      }
    }
    QRKD_UNROLL for (int j = 0; j < J; ++j) {
      QRKD_UNROLL for (int r = 0; r < R; ++r) S::store(y + (channel + j) * W + h + r * S::VL, sum[j * R + r]);
    }
  }
}

template <class T, class Add>
static inline __attribute__((always_inline)) void depthwiseWalk(const ConvolutionPlan& plan, std::size_t packedChannels,
                                                                const T* x, const T* packed, const T* bias, T* y,
                                                                const Add& add) {
  constexpr int J = kDepthwiseTile<T>;
  const std::size_t channels = plan.outChannels;
  for (int row = 0; row < plan.outHeight; ++row) {
    for (int column = 0; column < plan.outWidth; ++column, y += channels * kWidth<T>) {
      std::size_t c = 0;
      for (; c + J <= channels; c += J) {
        depthwisePixel<T, J>(plan, row, column, c, packedChannels, x, packed, bias, y, add);
      }
      for (; c < channels; ++c) depthwisePixel<T, 1>(plan, row, column, c, packedChannels, x, packed, bias, y, add);
    }
  }
}

template <class T>
static void depthwise(const ConvolutionPlan& plan, const T* x, const T* packed, const T* bias, T* y) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  const std::size_t multiplier = plan.outChannels / plan.inChannels;
  depthwiseWalk(
      plan, plan.outChannels, x, packed, bias, y,
      [multiplier](const T* pixel, const T* tap, std::size_t channel, typename S::V* sum)
          __attribute__((always_inline)) {
            const T* line = pixel + (multiplier == 1 ? channel : channel / multiplier) * W;
            const auto weight = S::set1(tap[channel]);
            QRKD_UNROLL for (int r = 0; r < R; ++r) sum[r] = S::fma(S::load(line + r * S::VL), weight, sum[r]);
          });
}

template <class T>
static void depthwiseInput(const ConvolutionPlan& plan, const T* dy, const T* packed, T* dx) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  const std::size_t multiplier = plan.inChannels / plan.outChannels;
  depthwiseWalk(
      plan, plan.inChannels, dy, packed, static_cast<const T*>(nullptr), dx,
      [multiplier](const T* pixel, const T* tap, std::size_t channel, typename S::V* sum)
          __attribute__((always_inline)) {
            for (std::size_t o = channel * multiplier; o < (channel + 1) * multiplier; ++o) {
              const auto weight = S::set1(tap[o]);
              QRKD_UNROLL for (int r = 0; r < R; ++r) {
                sum[r] = S::fma(S::load(pixel + o * W + r * S::VL), weight, sum[r]);
              }
            }
          });
}

template <class T, int J>
static inline __attribute__((always_inline)) void depthwiseKernelTile(const KernelGradientPlan& plan,
                                                                      const TapRange& rows, int firstRow, int lastRow,
                                                                      const TapRange& column, std::size_t channel,
                                                                      const T* x, const T* dy, T* gradient) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  const std::size_t ins = plan.inChannels, outs = plan.outChannels, multiplier = outs / ins;
  typename S::V sum[J];
  std::size_t input[J];
  QRKD_UNROLL for (int j = 0; j < J; ++j) {
    sum[j] = S::zero();
    input[j] = (channel + j) / multiplier * W;
  }
  for (int row = firstRow; row < lastRow; ++row) {
    const T* a = x + (std::size_t(rows.offset + row * rows.stride) * plan.inWidth + column.offset +
                      column.first * column.stride) *
                         ins * W;
    const T* b = dy + (std::size_t(row) * plan.outWidth + column.first) * outs * W;
    for (int pixel = column.first; pixel < column.last; ++pixel, a += column.stride * ins * W, b += outs * W) {
      QRKD_UNROLL for (int j = 0; j < J; ++j) {
        QRKD_UNROLL for (int h = 0; h < W; h += S::VL) {
          sum[j] = S::fma(S::load(a + input[j] + h), S::load(b + (channel + j) * W + h), sum[j]);
        }
      }
    }
  }
  QRKD_UNROLL for (int j = 0; j < J; ++j) gradient[channel + j] += S::sum(sum[j]);
}

template <class T>
static void depthwiseKernel(const KernelGradientPlan& plan, const T* x, const T* dy, T* gradient) {
  constexpr int J = kDepthwiseTile<T>;
  const std::size_t outs = plan.outChannels;
  // Blocks of rows small enough that a tile's lines stay in L1 while the taps of a row pass over them.
  for (int start = 0; start < plan.outHeight; start += plan.rowsAtOnce) {
    const int end = start + plan.rowsAtOnce;
    for (int ky = 0; ky < plan.kernelHeight; ++ky) {
      const TapRange& rows = plan.rows[ky];
      const int first = rows.first > start ? rows.first : start, last = rows.last < end ? rows.last : end;
      if (first >= last) continue;
      std::size_t c = 0;
      const auto taps = [&](auto width) {
        constexpr int N = decltype(width)::value;
        for (int kx = 0; kx < plan.kernelWidth; ++kx) {
          depthwiseKernelTile<T, N>(plan, rows, first, last, plan.columns[kx], c, x, dy,
                                    gradient + std::size_t(ky * plan.kernelWidth + kx) * outs);
        }
        c += N;
      };
      while (c + J <= outs) taps(Constant<J>{});
      while (c < outs) taps(Constant<1>{});
    }
  }
}
