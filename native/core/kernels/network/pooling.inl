// Pooling: every output pixel looks at a rectangle of input pixels, all channels alike.

// Calls f(output line, first input line of the rectangle, rows, columns) for every output value, f's rectangle being
// a compile-time 2 x 2 where it can be, the usual one.
template <class F>
static inline __attribute__((always_inline)) void eachWindow(const PoolPlan& plan, int row, int column, const F& f) {
  const PoolRange &r = plan.rows[row], &c = plan.columns[column];
  if (r.last - r.first == 2 && c.last - c.first == 2) {
    f(Constant<2>{}, Constant<2>{});
  } else {
    f(Constant<0>{}, Constant<0>{});
  }
}

template <class T, class F>
static inline __attribute__((always_inline)) void reduceWindows(const PoolPlan& plan, const T* x, T* y, bool average,
                                                                const F& combine) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  const std::size_t line = std::size_t(plan.channels) * W, row = line * plan.inWidth;
  for (int oy = 0; oy < plan.outHeight; ++oy) {
    const PoolRange& rows = plan.rows[oy];
    for (int ox = 0; ox < plan.outWidth; ++ox, y += line) {
      const PoolRange& columns = plan.columns[ox];
      const T* window = x + rows.first * row + columns.first * line;
      eachWindow(
          plan, oy, ox, [&](auto fixedHeight, auto fixedWidth) __attribute__((always_inline)) {
            constexpr int H = decltype(fixedHeight)::value, C = decltype(fixedWidth)::value;
            const int height = H > 0 ? H : rows.last - rows.first, width = C > 0 ? C : columns.last - columns.first;
            const auto scale = S::set1(T(1) / T(height * width));
            for (std::size_t i = 0; i < line; i += S::VL) {
              auto v = S::load(window + i);
              for (int b = 1; b < width; ++b) v = combine(v, S::load(window + b * line + i));
              for (int a = 1; a < height; ++a) {
                for (int b = 0; b < width; ++b) v = combine(v, S::load(window + a * row + b * line + i));
              }
              S::store(y + i, average ? S::mul(v, scale) : v);
            }
          });
    }
  }
}

template <class T>
static void maxPool(const PoolPlan& plan, const T* x, T* y) {
  using S = Simd<T>;
  reduceWindows(plan, x, y, false, [](typename S::V a, typename S::V b) { return S::max(a, b); });
}

template <class T>
static void averagePool(const PoolPlan& plan, const T* x, T* y) {
  using S = Simd<T>;
  reduceWindows(plan, x, y, true, [](typename S::V a, typename S::V b) { return S::add(a, b); });
}

// Gradients of windows that do not overlap are written, the gaps between them set to zero; others are added up.
template <class T, class F>
static inline __attribute__((always_inline)) void spreadWindows(const PoolPlan& plan, T* dx, const F& spread) {
  constexpr int W = kWidth<T>;
  const std::size_t line = std::size_t(plan.channels) * W, row = line * plan.inWidth;
  const auto clear = [](T* from, const T* to) {
    for (; from < to; from += W) __builtin_memset(from, 0, W * sizeof(T));
  };
  int rowsDone = 0;
  if (plan.overlaps) {
    clear(dx, dx + row * plan.inHeight);
    rowsDone = plan.inHeight;
  }
  std::size_t output = 0;
  for (int oy = 0; oy < plan.outHeight; ++oy) {
    const PoolRange& rows = plan.rows[oy];
    if (rowsDone < rows.first) clear(dx + rowsDone * row, dx + rows.first * row);
    int columnsDone = plan.overlaps ? plan.inWidth : 0;
    for (int ox = 0; ox < plan.outWidth; ++ox, output += line) {
      const PoolRange& columns = plan.columns[ox];
      for (int a = rows.first; a < rows.last && columnsDone < columns.first; ++a) {
        clear(dx + a * row + columnsDone * line, dx + a * row + columns.first * line);
      }
      eachWindow(
          plan, oy, ox, [&](auto fixedHeight, auto fixedWidth) __attribute__((always_inline)) {
            constexpr int H = decltype(fixedHeight)::value, C = decltype(fixedWidth)::value;
            spread(output, rows.first * row + columns.first * line, row, line, H > 0 ? H : rows.last - rows.first,
                   C > 0 ? C : columns.last - columns.first);
          });
      if (columnsDone < columns.last) columnsDone = columns.last;
    }
    for (int a = rows.first; a < rows.last && columnsDone < plan.inWidth; ++a) {
      clear(dx + a * row + columnsDone * line, dx + (a + 1) * row);
    }
    if (rowsDone < rows.last) rowsDone = rows.last;
  }
  if (rowsDone < plan.inHeight) clear(dx + rowsDone * row, dx + plan.inHeight * row);
}

template <class T, bool Overlaps>
static void maxPoolSpread(const PoolPlan& plan, const T* x, const T* y, const T* dy, T* dx) {
  using S = Simd<T>;
  spreadWindows(
      plan, dx,
      [&](std::size_t output, std::size_t window, std::size_t row, std::size_t line, int height, int width)
          __attribute__((always_inline)) {
            for (std::size_t i = 0; i < line; i += S::VL) {
              const auto largest = S::load(y + output + i);
              auto left = S::load(dy + output + i);
              for (int a = 0; a < height; ++a) {
                for (int b = 0; b < width; ++b) {
                  const std::size_t at = window + a * row + b * line + i;
                  const auto part = S::equal(S::load(x + at), largest, left);
                  left = S::sub(left, part);
                  S::store(dx + at, Overlaps ? S::add(S::load(dx + at), part) : part);
                }
              }
            }
          });
}

template <class T>
static void maxPoolGradient(const PoolPlan& plan, const T* x, const T* y, const T* dy, T* dx) {
  (plan.overlaps ? maxPoolSpread<T, true> : maxPoolSpread<T, false>)(plan, x, y, dy, dx);
}

template <class T, bool Overlaps>
static void averagePoolSpread(const PoolPlan& plan, const T* dy, T* dx) {
  using S = Simd<T>;
  spreadWindows(
      plan, dx,
      [&](std::size_t output, std::size_t window, std::size_t row, std::size_t line, int height, int width)
          __attribute__((always_inline)) {
            const auto scale = S::set1(T(1) / T(height * width));
            for (std::size_t i = 0; i < line; i += S::VL) {
              const auto part = S::mul(S::load(dy + output + i), scale);
              for (int a = 0; a < height; ++a) {
                for (int b = 0; b < width; ++b) {
                  const std::size_t at = window + a * row + b * line + i;
                  S::store(dx + at, Overlaps ? S::add(S::load(dx + at), part) : part);
                }
              }
            }
          });
}

template <class T>
static void averagePoolGradient(const PoolPlan& plan, const T* dy, T* dx) {
  (plan.overlaps ? averagePoolSpread<T, true> : averagePoolSpread<T, false>)(plan, dy, dx);
}
