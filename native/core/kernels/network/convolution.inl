// Convolutions on panels. Samples are in the lanes, so that a product of an input line with a weight is one vector
// times one broadcast scalar: no im2col, no shuffles, no packing of activations.

// Accumulators that stay in registers: enough of them to hide the latency of a multiply-add.
template <class T>
constexpr int kNetworkTile = Groups<T>::kAccumulators / Groups<T>::kVectors;

// Pixels computed together where a tile of J channels alone would leave accumulators unused.
template <class T, int J>
constexpr int kPixels = J >= kNetworkTile<T> ? 1 : (kNetworkTile<T> / J > 4 ? 4 : kNetworkTile<T> / J);

// sum[p][j][r] += x[p][r] * w[j] over `count` steps. With several pixels the weights stay in registers, else the lines
// do.
template <class T, int P, int J>
static inline __attribute__((always_inline)) void pixelSteps(const T* x, std::size_t pixelStride, const T* w,
                                                             std::size_t jStride, std::size_t kStride,
                                                             std::size_t count, typename Simd<T>::V* sum) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  for (std::size_t k = 0; k < count; ++k) {
    if constexpr (P == 1) {
      typename S::V lanes[R];
      QRKD_UNROLL for (int r = 0; r < R; ++r) lanes[r] = S::load(x + r * S::VL);
      QRKD_UNROLL for (int j = 0; j < J; ++j) {
        const auto scalar = S::set1(w[j * jStride]);
        QRKD_UNROLL for (int r = 0; r < R; ++r) sum[j * R + r] = S::fma(lanes[r], scalar, sum[j * R + r]);
      }
    } else {
      typename S::V scalars[J];
      QRKD_UNROLL for (int j = 0; j < J; ++j) scalars[j] = S::set1(w[j * jStride]);
      QRKD_UNROLL for (int p = 0; p < P; ++p) {
        QRKD_UNROLL for (int r = 0; r < R; ++r) {
          const auto lanes = S::load(x + p * pixelStride + r * S::VL);
          QRKD_UNROLL for (int j = 0; j < J; ++j) {
            typename S::V& s = sum[(p * J + j) * R + r];
            s = S::fma(lanes, scalars[j], s);
          }
        }
      }
    }
    x += W;
    w += kStride;
  }
}

template <class T, int J>
static inline void startSums(const T* bias, typename Simd<T>::V* sum) {
  QRKD_UNROLL for (int j = 0; j < J; ++j) {
    const auto start = bias == nullptr ? Simd<T>::zero() : Simd<T>::set1(bias[j]);
    QRKD_UNROLL for (int r = 0; r < Groups<T>::kVectors; ++r) sum[j * Groups<T>::kVectors + r] = start;
  }
}

template <class T, int J>
static inline void storeSums(const typename Simd<T>::V* sum, int relu, T* y) {
  using S = Simd<T>;
  constexpr int R = Groups<T>::kVectors;
  QRKD_UNROLL for (int j = 0; j < J; ++j) {
    QRKD_UNROLL for (int r = 0; r < R; ++r) {
      const auto v = sum[j * R + r];
      S::store(y + j * kWidth<T> + r * S::VL, relu ? S::max(v, S::zero()) : v);
    }
  }
}

// P neighbouring pixels, J channels.
template <class T, int P, int J>
static void convolvePixels(const ConvolutionPlan& plan, int row, int column, int step, const T* x, const T* packed,
                           const T* bias, int relu, T* y) {
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  const std::size_t channels = plan.inChannels;
  for (int h = 0; h < W; h += R * Simd<T>::VL) {
    typename Simd<T>::V sum[P * J * R];
    QRKD_UNROLL for (int p = 0; p < P; ++p) startSums<T, J>(bias, sum + p * J * R);
    for (int i = plan.rowStarts[row]; i < plan.rowStarts[row + 1]; ++i) {
      const T* line = x + std::size_t(plan.rows[i].input) * plan.inWidth * channels * W + h;
      const T* taps = packed + std::size_t(plan.rows[i].tap) * plan.kernelWidth * channels * J;
      for (int c = plan.columnStarts[column]; c < plan.columnStarts[column + 1]; ++c) {
        const TapRun& run = plan.columns[c];
        pixelSteps<T, P, J>(line + run.input * channels * W, step * channels * W, taps + run.tap * channels * J, 1, J,
                            run.count * channels, sum);
      }
    }
    QRKD_UNROLL for (int p = 0; p < P; ++p) {
      storeSums<T, J>(sum + p * J * R, relu, y + std::size_t(p) * plan.outChannels * W + h);
    }
  }
}

template <class T, int J>
static void convolveTile(const ConvolutionPlan& plan, int row, const T* x, const T* packed, const T* bias, int relu,
                         T* y) {
  constexpr int P = kPixels<T, J>;
  const std::size_t stride = std::size_t(plan.outChannels) * kWidth<T>;
  for (int g = 0; g < plan.groupCount; ++g) {
    const PixelGroup& group = plan.groups[g];
    int column = group.first;
    const int end = group.first + group.count;
    for (; column + P <= end; column += P) {
      convolvePixels<T, P, J>(plan, row, column, group.step, x, packed, bias, relu, y + column * stride);
    }
    if constexpr (P > 1) {
      for (; column < end; ++column) {
        convolvePixels<T, 1, J>(plan, row, column, 0, x, packed, bias, relu, y + column * stride);
      }
    }
  }
}

// Calls f.template operator()<J>() for the J that equals `width`.
template <int J, class F>
static inline __attribute__((always_inline)) void withWidth(int width, const F& f) {
  if constexpr (J > 0) {
    if (width == J) {
      f(Constant<J>{});
    } else {
      withWidth<J - 1>(width, f);
    }
  }
}

// Tiles of nearly equal width: a narrow rest would waste accumulators.
static inline int tileCount(int channels, int widest) { return (channels + widest - 1) / widest; }
static inline int tileWidth(int channels, int tiles, int tile) { return channels / tiles + (tile < channels % tiles); }

template <class T>
static void convolve(const ConvolutionPlan& plan, const T* x, const T* packed, const T* bias, int relu, T* y) {
  constexpr int W = kWidth<T>;
  const std::size_t taps = plan.kernelSize * std::size_t(plan.inChannels);
  const int tiles = tileCount(plan.outChannels, kNetworkTile<T>);
  for (int row = 0; row < plan.outHeight; ++row) {
    T* out = y + std::size_t(row) * plan.outWidth * plan.outChannels * W;
    int channel = 0;
    for (int t = 0; t < tiles; ++t) {
      const int width = tileWidth(plan.outChannels, tiles, t);
      withWidth<kNetworkTile<T>>(width, [&](auto j) {
        convolveTile<T, decltype(j)::value>(plan, row, x, packed + channel * taps,
                                            bias == nullptr ? nullptr : bias + channel, relu, out + channel * W);
      });
      channel += width;
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The kernel's gradient: sums over pixels and lanes, K input by J output channels of one tap at a time.

template <class T>
constexpr int kGradientInputs = 3;
template <class T>
constexpr int kGradientOutputs = 4;

template <class T, int K, int J>
static void kernelGradientTile(const KernelGradientPlan& plan, const TapRange& column, int inRow, int inStep,
                               int firstRow, int lastRow, const T* x, const T* dy, T* gradient) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  // Halves of a line have sums of their own where registers allow it.
  constexpr int U = K * J * 2 <= Groups<T>::kAccumulators && W >= 2 * S::VL ? 2 : 1;
  typename S::V sum[U * K * J];
  QRKD_UNROLL for (int i = 0; i < U * K * J; ++i) sum[i] = S::zero();
  const std::size_t xStep = std::size_t(column.stride) * plan.inChannels * W;
  const std::size_t dyStep = std::size_t(plan.outChannels) * W;
  for (int row = firstRow; row < lastRow; ++row) {
    const T* a = x + (std::size_t(inRow + row * inStep) * plan.inWidth + column.offset + column.first * column.stride) *
                         plan.inChannels * W;
    const T* b = dy + (std::size_t(row) * plan.outWidth + column.first) * dyStep;
    for (int pixel = column.first; pixel < column.last; ++pixel, a += xStep, b += dyStep) {
      QRKD_UNROLL for (int h = 0; h < W; h += U * S::VL) {
        QRKD_UNROLL for (int u = 0; u < U; ++u) {
          typename S::V in[K];
          QRKD_UNROLL for (int k = 0; k < K; ++k) in[k] = S::load(a + k * W + h + u * S::VL);
          QRKD_UNROLL for (int j = 0; j < J; ++j) {
            const auto g = S::load(b + j * W + h + u * S::VL);
            QRKD_UNROLL for (int k = 0; k < K; ++k) {
              typename S::V& s = sum[(u * K + k) * J + j];
              s = S::fma(in[k], g, s);
            }
          }
        }
      }
    }
  }
  QRKD_UNROLL for (int k = 0; k < K; ++k) {
    QRKD_UNROLL for (int j = 0; j < J; ++j) {
      auto total = sum[k * J + j];
      if constexpr (U == 2) total = S::add(total, sum[(K + k) * J + j]);
      gradient[k * plan.outChannels + j] += S::sum(total);
    }
  }
}

template <class T>
static void kernelGradient(const KernelGradientPlan& plan, const T* x, const T* dy, T* gradient) {
  constexpr int W = kWidth<T>;
  const int ins = tileCount(plan.inChannels, kGradientInputs<T>);
  const int outs = tileCount(plan.outChannels, kGradientOutputs<T>);
  // Blocks of rows small enough that the lines of a tile stay in L1 while the taps of a row pass over them.
  for (int start = 0; start < plan.outHeight; start += plan.rowsAtOnce) {
    const int end = start + plan.rowsAtOnce;
    for (int ky = 0; ky < plan.kernelHeight; ++ky) {
      const TapRange& rows = plan.rows[ky];
      const int first = rows.first > start ? rows.first : start, last = rows.last < end ? rows.last : end;
      if (first >= last) continue;
      for (int i = 0, ci = 0; i < ins; ci += tileWidth(plan.inChannels, ins, i++)) {
        for (int o = 0, co = 0; o < outs; co += tileWidth(plan.outChannels, outs, o++)) {
          for (int kx = 0; kx < plan.kernelWidth; ++kx) {
            const TapRange& column = plan.columns[kx];
            T* out =
                gradient + (std::size_t(ky * plan.kernelWidth + kx) * plan.inChannels + ci) * plan.outChannels + co;
            withWidth<kGradientInputs<T>>(tileWidth(plan.inChannels, ins, i), [&](auto k) {
              withWidth<kGradientOutputs<T>>(tileWidth(plan.outChannels, outs, o), [&](auto j) {
                kernelGradientTile<T, decltype(k)::value, decltype(j)::value>(
                    plan, column, rows.offset, rows.stride, first, last, x + ci * W, dy + co * W, out);
              });
            });
          }
        }
      }
    }
  }
}

template <class T>
static void biasGradient(const T* dy, std::size_t pixels, std::size_t channels, T* gradient) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  for (std::size_t c = 0; c < channels; ++c) {
    auto sum = S::zero();
    for (std::size_t p = 0; p < pixels; ++p) {
      QRKD_UNROLL for (int h = 0; h < W; h += S::VL) sum = S::add(sum, S::load(dy + (p * channels + c) * W + h));
    }
    gradient[c] += S::sum(sum);
  }
}

template <class T>
static void reluMask(const T* y, std::size_t count, T* dy) {
  for (std::size_t i = 0; i < count; ++i) dy[i] = y[i] > T(0) ? dy[i] : T(0);
}
