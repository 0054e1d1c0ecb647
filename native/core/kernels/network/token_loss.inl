// Cross-entropy and distillation of one token of every lane: [class][lane].

// e = exp((x - largest) / temperature); sums: lines of the largest, the sum of e and that of its squares.
template <class T>
static void exponentials(const T* x, std::size_t classes, T inverseTemperature, T* e, T* sums) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  constexpr std::size_t kLines = kMapBlock<T> / W;
  alignas(64) T block[kMapBlock<T>];
  for (int h = 0; h < W; h += S::VL) {
    auto largest = S::load(x + h);
    for (std::size_t c = 1; c < classes; ++c) largest = S::max(largest, S::load(x + c * W + h));
    S::store(sums + h, largest);
    S::store(sums + W + h, S::zero());
    S::store(sums + 2 * W + h, S::zero());
  }
  for (std::size_t c = 0; c < classes; c += kLines) {
    const std::size_t lines = classes - c < kLines ? classes - c : kLines;
    const auto factor = S::set1(inverseTemperature);
    for (std::size_t k = 0; k < lines * W; k += S::VL) {
      S::store(block + k, S::mul(S::sub(S::load(x + c * W + k), S::load(sums + k % W)), factor));
    }
    // What lies below the format's range is 0, and not its smallest number.
    for (std::size_t k = 0; k < lines * W; ++k) {
      block[k] = block[k] < Format<T>::kLowest ? T(0) : exponential(block[k]);
    }
    for (int h = 0; h < W; h += S::VL) {
      auto sum = S::load(sums + W + h), squares = S::load(sums + 2 * W + h);
      for (std::size_t k = h; k < lines * W; k += W) {
        const auto v = S::load(block + k);
        sum = S::add(sum, v);
        squares = S::fma(v, v, squares);
        S::store(e + c * W + k, v);
      }
      S::store(sums + W + h, sum);
      S::store(sums + 2 * W + h, squares);
    }
  }
}

// With p = s * student and q = t * teacher: g = e * crossEntropy + (p - q) * distillation; sums: lines of the sum of
// q ((z - x) / temperature + offset) where q is not 0, and of that of (p - q)^2.
template <class T>
static void tokenGradient(const TokenGradient<T>& plan, std::size_t classes, T* g, T* sums) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>;
  const auto factor = S::set1(plan.inverseTemperature);
  for (int h = 0; h < W; h += S::VL) {
    auto loss = S::zero(), squares = S::zero();
    const auto ce = plan.e == nullptr ? S::zero() : S::load(plan.crossEntropy + h);
    if (plan.s == nullptr) {
      for (std::size_t k = h; plan.e != nullptr && k < classes * W; k += W) {
        S::store(g + k, S::mul(S::load(plan.e + k), ce));
      }
    } else {
      const auto student = S::load(plan.student + h), teacher = S::load(plan.teacher + h);
      const auto offset = S::load(plan.offset + h), kd = S::load(plan.distillation + h);
      for (std::size_t k = h; k < classes * W; k += W) {
        const auto q = S::mul(S::load(plan.t + k), teacher);
        const auto d = S::fnma(S::load(plan.s + k), student, q);
        const auto logarithm = S::fma(S::sub(S::load(plan.z + k), S::load(plan.x + k)), factor, offset);
        loss = S::fma(q, S::positive(q, logarithm), loss);
        squares = S::fma(d, d, squares);
        auto v = S::fnma(d, kd, S::zero());
        if (plan.e != nullptr) v = S::fma(S::load(plan.e + k), ce, v);
        S::store(g + k, v);
      }
    }
    S::store(sums + h, loss);
    S::store(sums + W + h, squares);
  }
}

template <class T>
static constexpr TokenTable<T> makeTokenTable() {
  return {exponentials<T>, tokenGradient<T>};
}
