// Convolutions on panels. Samples are in the lanes, so that a product of an input line with a weight is one vector
// times one broadcast scalar: no im2col, no shuffles, no packing of activations.

// Output channels of the widest tile. More would not be faster anywhere: where registers allow it, a tile takes several
// pixels, which share the broadcast weights.
template <class T>
constexpr int kNetworkTile = 6;

// Pixels computed together: enough accumulators to hide the latency of a multiply-add, as many as stay in registers.
template <class T, int J>
constexpr int kPixels = Groups<T>::kAccumulators / (Groups<T>::kVectors * J) > 4
                            ? 4
                            : Groups<T>::kAccumulators / (Groups<T>::kVectors * J);

// sum[p][j][r] += x[p][r] * w[j]. With several pixels the weights stay in registers, else the lines do.
template <class T, int P, int J>
static inline __attribute__((always_inline)) void pixelStep(const T* x, std::size_t pixelStride, const T* w,
                                                            std::size_t jStride, typename Simd<T>::V* sum) {
  using S = Simd<T>;
  constexpr int R = Groups<T>::kVectors;
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
}

// `count` steps over neighbouring lines.
template <class T, int P, int J>
static inline __attribute__((always_inline)) void pixelSteps(const T* x, std::size_t pixelStride, const T* w,
                                                             std::size_t jStride, std::size_t kStride,
                                                             std::size_t count, typename Simd<T>::V* sum) {
  for (std::size_t k = 0; k < count; ++k) {
    pixelStep<T, P, J>(x, pixelStride, w, jStride, sum);
    x += kWidth<T>;
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
static inline void storeSums(const typename Simd<T>::V* sum, int relu, const T* mask, T* y) {
  using S = Simd<T>;
  constexpr int R = Groups<T>::kVectors;
  QRKD_UNROLL for (int j = 0; j < J; ++j) {
    QRKD_UNROLL for (int r = 0; r < R; ++r) {
      auto v = sum[j * R + r];
      const int at = j * kWidth<T> + r * S::VL;
      // The order of the operands lets NaN through.
      if (relu) v = S::max(S::zero(), v);
      if (mask != nullptr) v = S::positive(S::load(mask + at), v);
      S::store(y + at, v);
    }
  }
}

// P neighbouring pixels, J channels.
template <class T, int P, int J>
static void convolvePixels(const ConvolutionPlan& plan, int row, int column, int step, const T* x, const T* packed,
                           const T* bias, int relu, const T* mask, T* y) {
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
      const std::size_t at = std::size_t(p) * plan.outChannels * W + h;
      storeSums<T, J>(sum + p * J * R, relu, mask == nullptr ? nullptr : mask + at, y + at);
    }
  }
}

// Where the runs of a pixel are so short that starting one costs as much as going through it (a first layer on one or
// three channels), all its lines are listed once for a row and its pixels then go through the list.
constexpr int kShortRun = 16;
constexpr int kListedLines = 128;

struct LineList {
  int count;                          // 0: the runs are long, or their taps do not follow one another
  std::size_t first;                  // place of the first tap, in scalars of one channel
  std::size_t offsets[kListedLines];  // of the first pixel's lines
};

template <class T>
static void listLines(const ConvolutionPlan& plan, int row, int column, LineList& list) {
  const std::size_t channels = plan.inChannels;
  const int begin = plan.rowStarts[row], end = plan.rowStarts[row + 1];
  list.count = 0;
  if (begin == end || plan.columnStarts[column + 1] - plan.columnStarts[column] != 1) return;
  const TapRun& run = plan.columns[plan.columnStarts[column]];
  const int length = run.count * plan.inChannels;
  if (length >= kShortRun || (end - begin) * length > kListedLines) return;
  if (end - begin > 1 && run.count != plan.kernelWidth) return;
  for (int i = begin; i < end; ++i) {
    if (plan.rows[i].tap != plan.rows[begin].tap + i - begin) return;
  }
  list.first = (std::size_t(plan.rows[begin].tap) * plan.kernelWidth + run.tap) * channels;
  for (int i = begin; i < end; ++i) {
    const std::size_t line = (std::size_t(plan.rows[i].input) * plan.inWidth + run.input) * channels;
    for (int k = 0; k < length; ++k) list.offsets[list.count++] = (line + k) * kWidth<T>;
  }
}

template <class T, int P, int J>
static void convolveListed(const LineList& list, std::size_t pixelStride, const T* x, const T* packed, const T* bias,
                           int relu, const T* mask, std::size_t outStride, T* y) {
  constexpr int W = kWidth<T>, R = Groups<T>::kVectors;
  for (int h = 0; h < W; h += R * Simd<T>::VL) {
    typename Simd<T>::V sum[P * J * R];
    QRKD_UNROLL for (int p = 0; p < P; ++p) startSums<T, J>(bias, sum + p * J * R);
    const T* w = packed;
    for (int k = 0; k < list.count; ++k, w += J) {
      pixelStep<T, P, J>(x + list.offsets[k] + h, pixelStride, w, 1, sum);
    }
    QRKD_UNROLL for (int p = 0; p < P; ++p) {
      const std::size_t at = p * outStride + h;
      storeSums<T, J>(sum + p * J * R, relu, mask == nullptr ? nullptr : mask + at, y + at);
    }
  }
}

template <class T, int J>
static void convolveTile(const ConvolutionPlan& plan, int row, const T* x, const T* packed, const T* bias, int relu,
                         const T* mask, T* y) {
  constexpr int P = kPixels<T, J>;
  const std::size_t outStride = std::size_t(plan.outChannels) * kWidth<T>;
  for (int g = 0; g < plan.groupCount; ++g) {
    const PixelGroup& group = plan.groups[g];
    const std::size_t inStride = std::size_t(group.step) * plan.inChannels * kWidth<T>;
    LineList list;
    listLines<T>(plan, row, group.first, list);
    const auto pixels = [&](auto several, int column) {
      constexpr int N = decltype(several)::value;
      T* out = y + column * outStride;
      const T* outMask = mask == nullptr ? nullptr : mask + column * outStride;
      if (list.count > 0) {
        convolveListed<T, N, J>(list, inStride, x + (column - group.first) * inStride, packed + list.first * J, bias,
                                relu, outMask, outStride, out);
      } else {
        convolvePixels<T, N, J>(plan, row, column, group.step, x, packed, bias, relu, outMask, out);
      }
    };
    int column = group.first;
    const int end = group.first + group.count;
    for (; column + P <= end; column += P) pixels(Constant<P>{}, column);
    if constexpr (P > 1) {
      for (; column < end; ++column) pixels(Constant<1>{}, column);
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
static void convolve(const ConvolutionPlan& plan, const T* x, const T* packed, const T* bias, int relu, const T* mask,
                     T* y) {
  constexpr int W = kWidth<T>;
  const std::size_t taps = plan.kernelSize * std::size_t(plan.inChannels);
  const int tiles = tileCount(plan.outChannels, kNetworkTile<T>);
  for (int row = 0; row < plan.outHeight; ++row) {
    const std::size_t start = std::size_t(row) * plan.outWidth * plan.outChannels * W;
    T* out = y + start;
    const T* outMask = mask == nullptr ? nullptr : mask + start;
    int channel = 0;
    for (int t = 0; t < tiles; ++t) {
      const int width = tileWidth(plan.outChannels, tiles, t);
      withWidth<kNetworkTile<T>>(width, [&](auto j) {
        convolveTile<T, decltype(j)::value>(plan, row, x, packed + channel * taps,
                                            bias == nullptr ? nullptr : bias + channel, relu,
                                            outMask == nullptr ? nullptr : outMask + channel * W, out + channel * W);
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

// Lines of one tap's input and of the output's gradient at the pixels of some rows.
template <class T>
struct GradientRange {
  const T* x;  // at the first row's first pixel
  const T* dy;
  std::size_t xRow, xPixel, dyRow, dyPixel;
  int rows, pixels;
};

// gradient[k * kStride + j] += sum over pixels and lanes of x[k * xStride] * dy[j].
template <class T, int K, int J>
static void kernelGradientTile(const GradientRange<T>& range, std::size_t xStride, std::size_t kStride, T* gradient) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  // Halves of a line have sums of their own where registers allow it.
  constexpr int U = K * J * 2 <= Groups<T>::kAccumulators && W >= 2 * S::VL ? 2 : 1;
  typename S::V sum[U * K * J];
  QRKD_UNROLL for (int i = 0; i < U * K * J; ++i) sum[i] = S::zero();
  for (int row = 0; row < range.rows; ++row) {
    const T* a = range.x + row * range.xRow;
    const T* b = range.dy + row * range.dyRow;
    for (int pixel = 0; pixel < range.pixels; ++pixel, a += range.xPixel, b += range.dyPixel) {
      QRKD_UNROLL for (int h = 0; h < W; h += U * S::VL) {
        QRKD_UNROLL for (int u = 0; u < U; ++u) {
          typename S::V in[K];
          QRKD_UNROLL for (int k = 0; k < K; ++k) in[k] = S::load(a + k * xStride + h + u * S::VL);
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
      gradient[k * kStride + j] += S::sum(total);
    }
  }
}

template <class T>
static void gradientTile(const GradientRange<T>& range, int inputs, int outputs, std::size_t xStride,
                         std::size_t kStride, T* gradient) {
  if (range.rows <= 0 || range.pixels <= 0) return;
  withWidth<kGradientInputs<T>>(inputs, [&](auto k) {
    withWidth<kGradientOutputs<T>>(outputs, [&](auto j) {
      kernelGradientTile<T, decltype(k)::value, decltype(j)::value>(range, xStride, kStride, gradient);
    });
  });
}

template <class T>
static void kernelGradient(const KernelGradientPlan& plan, const T* x, const T* dy, T* gradient) {
  constexpr int W = kWidth<T>;
  const std::size_t ins = plan.inChannels, outs = plan.outChannels;
  const int inTiles = tileCount(plan.inChannels, kGradientInputs<T>);
  const int outTiles = tileCount(plan.outChannels, kGradientOutputs<T>);
  // One tap's range of columns [first, last) and rows, at input channel ci and output channel co.
  const auto rangeOf = [&](const TapRange& rows, int firstRow, int lastRow, const TapRange& column, int first, int last,
                           int ci, int co) {
    GradientRange<T> range;
    range.x =
        x +
        ((std::size_t(rows.offset + firstRow * rows.stride) * plan.inWidth + column.offset + first * column.stride) *
             ins +
         ci) *
            W;
    range.dy = dy + ((std::size_t(firstRow) * plan.outWidth + first) * outs + co) * W;
    range.xRow = std::size_t(rows.stride) * plan.inWidth * ins * W;
    range.xPixel = std::size_t(column.stride) * ins * W;
    range.dyRow = std::size_t(plan.outWidth) * outs * W;
    range.dyPixel = outs * W;
    range.rows = lastRow - firstRow;
    range.pixels = last - first;
    return range;
  };
  // Blocks of rows small enough that the lines of a tile stay in L1 while the taps of a row pass over them.
  for (int start = 0; start < plan.outHeight; start += plan.rowsAtOnce) {
    const int end = start + plan.rowsAtOnce;
    for (int ky = 0; ky < plan.kernelHeight; ++ky) {
      const TapRange& rows = plan.rows[ky];
      const int firstRow = rows.first > start ? rows.first : start, lastRow = rows.last < end ? rows.last : end;
      if (firstRow >= lastRow) continue;
      T* tap = gradient + std::size_t(ky) * plan.kernelWidth * ins * outs;
      for (int i = 0, ci = 0; i < inTiles; ci += tileWidth(plan.inChannels, inTiles, i++)) {
        const int inputs = tileWidth(plan.inChannels, inTiles, i);
        for (int o = 0, co = 0; o < outTiles; co += tileWidth(plan.outChannels, outTiles, o++)) {
          const int outputs = tileWidth(plan.outChannels, outTiles, o);
          if (inputs > 1 || plan.kernelWidth == 1) {
            for (int kx = 0; kx < plan.kernelWidth; ++kx) {
              const TapRange& column = plan.columns[kx];
              gradientTile<T>(rangeOf(rows, firstRow, lastRow, column, column.first, column.last, ci, co), inputs,
                              outputs, W, outs, tap + (kx * ins + ci) * outs + co);
            }
            continue;
          }
          // A single channel: neighbouring taps take the place of channels, where all of them have a pixel.
          const int tapTiles = tileCount(plan.kernelWidth, kGradientInputs<T>);
          for (int t = 0, kx = 0; t < tapTiles; kx += tileWidth(plan.kernelWidth, tapTiles, t++)) {
            const int taps = tileWidth(plan.kernelWidth, tapTiles, t);
            int first = 0, last = plan.outWidth;
            for (int k = kx; k < kx + taps; ++k) {
              if (plan.columns[k].first > first) first = plan.columns[k].first;
              if (plan.columns[k].last < last) last = plan.columns[k].last;
            }
            if (last < first) last = first;
            const std::size_t between = taps > 1 ? plan.columns[kx + 1].offset - plan.columns[kx].offset : 0;
            T* out = tap + (kx * ins + ci) * outs + co;
            gradientTile<T>(rangeOf(rows, firstRow, lastRow, plan.columns[kx], first, last, ci, co), taps, outputs,
                            between * ins * W, ins * outs, out);
            for (int k = 0; k < taps; ++k) {
              const TapRange& column = plan.columns[kx + k];
              const int before = column.last < first ? column.last : first;
              const int after = column.first > last ? column.first : last;
              gradientTile<T>(rangeOf(rows, firstRow, lastRow, column, column.first, before, ci, co), 1, outputs, W,
                              outs, out + k * ins * outs);
              gradientTile<T>(rangeOf(rows, firstRow, lastRow, column, after, column.last, ci, co), 1, outputs, W, outs,
                              out + k * ins * outs);
            }
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
