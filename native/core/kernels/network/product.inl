// Matrix products in which every lane has matrices of its own (attention): lines times lines, nothing to broadcast.

// M rows by N columns of sums in registers.
template <class T, int M, int N>
static void lineProductTile(const LineProduct& plan, T scale, const T* a, const T* b, int adds, T* c) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  const auto factor = S::set1(scale);
  for (int h = 0; h < W; h += S::VL) {
    typename S::V sum[M * N];
    QRKD_UNROLL for (int i = 0; i < M * N; ++i) sum[i] = S::zero();
    const T *left = a + h, *right = b + h;
    for (std::size_t k = 0; k < plan.steps; ++k, left += plan.aStep * W, right += plan.bStep * W) {
      typename S::V lines[M];
      QRKD_UNROLL for (int m = 0; m < M; ++m) lines[m] = S::load(left + m * plan.aRow * W);
      QRKD_UNROLL for (int n = 0; n < N; ++n) {
        const auto line = S::load(right + n * plan.bColumn * W);
        QRKD_UNROLL for (int m = 0; m < M; ++m) sum[m * N + n] = S::fma(lines[m], line, sum[m * N + n]);
      }
    }
    QRKD_UNROLL for (int m = 0; m < M; ++m) {
      QRKD_UNROLL for (int n = 0; n < N; ++n) {
        T* to = c + (m * plan.cRow + n * plan.cColumn) * W + h;
        S::store(to, adds ? S::fma(sum[m * N + n], factor, S::load(to)) : S::mul(sum[m * N + n], factor));
      }
    }
  }
}

template <class T>
static void lineProduct(const LineProduct& plan, T scale, const T* a, const T* b, int adds, T* c) {
  constexpr int W = kWidth<T>, M = kGradientInputs<T>, N = kGradientOutputs<T>;
  const int rowTiles = tileCount(int(plan.rows), M), columnTiles = tileCount(int(plan.columns), N);
  const auto start = [](std::size_t count, int tiles, int t) {
    const int rest = int(count % tiles);
    return count / tiles * t + (t < rest ? t : rest);
  };
  // The longer side's operand is read once; the other one is small enough to stay in the cache meanwhile.
  const bool byColumns = plan.columns >= plan.rows;
  for (int outer = 0; outer < (byColumns ? columnTiles : rowTiles); ++outer) {
    for (int inner = 0; inner < (byColumns ? rowTiles : columnTiles); ++inner) {
      const int i = byColumns ? inner : outer, j = byColumns ? outer : inner;
      const std::size_t row = start(plan.rows, rowTiles, i), column = start(plan.columns, columnTiles, j);
      withWidth<M>(tileWidth(int(plan.rows), rowTiles, i), [&](auto m) {
        withWidth<N>(tileWidth(int(plan.columns), columnTiles, j), [&](auto n) {
          lineProductTile<T, decltype(m)::value, decltype(n)::value>(plan, scale, a + row * plan.aRow * W,
                                                                     b + column * plan.bColumn * W, adds,
                                                                     c + (row * plan.cRow + column * plan.cColumn) * W);
        });
      });
    }
  }
}
