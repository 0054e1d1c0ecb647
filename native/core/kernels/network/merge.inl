// Maps of several values, one of each input.

template <class T, class F>
static inline __attribute__((always_inline)) void mergeWith(const T* const* x, int inputs, std::size_t count, T* y,
                                                            const F& combine) {
  using S = Simd<T>;
  const T* sum = x[0];
  for (int k = 1; k < inputs; ++k, sum = y) {
    const T* other = x[k];
    for (std::size_t i = 0; i < count; i += S::VL) S::store(y + i, combine(S::load(sum + i), S::load(other + i)));
  }
}

template <class T>
static void scaleBy(T factor, const T* x, std::size_t count, T* y) {
  using S = Simd<T>;
  const auto scale = S::set1(factor);
  for (std::size_t i = 0; i < count; i += S::VL) S::store(y + i, S::mul(S::load(x + i), scale));
}

template <class T>
static void merge(Merge kind, const T* const* x, int inputs, std::size_t count, T* y) {
  using S = Simd<T>;
  using V = typename S::V;
  switch (kind) {
    case Merge::kAdd:
      return mergeWith(x, inputs, count, y, [](V a, V b) { return S::add(a, b); });
    case Merge::kSubtract:
      return mergeWith(x, inputs, count, y, [](V a, V b) { return S::sub(a, b); });
    case Merge::kMultiply:
      return mergeWith(x, inputs, count, y, [](V a, V b) { return S::mul(a, b); });
    case Merge::kAverage:
      mergeWith(x, inputs, count, y, [](V a, V b) { return S::add(a, b); });
      return scaleBy(T(1) / T(inputs), y, count, y);
    case Merge::kMaximum:
      return mergeWith(x, inputs, count, y, [](V a, V b) { return S::max(a, b); });
    case Merge::kMinimum:
      return mergeWith(x, inputs, count, y, [](V a, V b) { return S::min(a, b); });
  }
}

// The product of all inputs but one, times dy.
template <class T>
static void productGradient(const T* const* x, int inputs, int without, const T* dy, std::size_t count, T* dx) {
  using S = Simd<T>;
  const T* factor = dy;
  for (int k = 0; k < inputs; ++k) {
    if (k == without) continue;
    const T* other = x[k];
    for (std::size_t i = 0; i < count; i += S::VL) S::store(dx + i, S::mul(S::load(factor + i), S::load(other + i)));
    factor = dx;
  }
}

template <class T>
static void extremeGradient(const T* const* x, int inputs, const T* y, const T* dy, std::size_t count, T* const* dx) {
  using S = Simd<T>;
  for (std::size_t i = 0; i < count; i += S::VL) {
    const auto extreme = S::load(y + i);
    auto left = S::load(dy + i);
    for (int k = 0; k < inputs; ++k) {
      const auto part = S::equal(S::load(x[k] + i), extreme, left);
      left = S::sub(left, part);
      if (dx[k] != nullptr) S::store(dx[k] + i, part);
    }
  }
}

template <class T>
static void mergeGradient(Merge kind, const T* const* x, int inputs, const T* y, const T* dy, std::size_t count,
                          T* const* dx) {
  if (kind == Merge::kMaximum || kind == Merge::kMinimum) return extremeGradient(x, inputs, y, dy, count, dx);
  // The first input's gradient may lie where dy does, so it comes last.
  for (int k = inputs - 1; k >= 0; --k) {
    if (dx[k] == nullptr) continue;
    if (kind == Merge::kMultiply) {
      productGradient(x, inputs, k, dy, count, dx[k]);
    } else if (kind == Merge::kAverage) {
      scaleBy(T(1) / T(inputs), dy, count, dx[k]);
    } else if (kind == Merge::kSubtract && k > 0) {
      scaleBy(T(-1), dy, count, dx[k]);
    } else if (dx[k] != dy) {
      __builtin_memcpy(dx[k], dy, count * sizeof(T));
    }
  }
}
