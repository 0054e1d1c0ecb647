// Optimizers' updates: plain loops that the compiler vectorises. Sums and products stand in the order of tfjs's
// optimizers.

template <class T>
static double squares(const T* gradient, std::size_t count) {
  constexpr int W = kWidth<double>;
  double sums[W] = {}, total = 0;
  std::size_t k = 0;
  for (; k + W <= count; k += W) {
    for (int i = 0; i < W; ++i) sums[i] += double(gradient[k + i]) * double(gradient[k + i]);
  }
  for (; k < count; ++k) total += double(gradient[k]) * double(gradient[k]);
  for (int i = 0; i < W; ++i) total += sums[i];
  return total;
}

static inline float squareRoot(float value) { return __builtin_sqrtf(value); }
static inline double squareRoot(double value) { return __builtin_sqrt(value); }

// The gradient after clipping.
template <class T>
static inline T clipped(const UpdateStep<T>& step, T gradient) {
  const T scaled = gradient * step.factor;
  const T above = scaled < -step.limit ? -step.limit : scaled;
  return above > step.limit ? step.limit : above;
}

template <class T>
static void sgdUpdate(const UpdateStep<T>& step, const T* __restrict gradient, std::size_t count, T* __restrict weight,
                      T*, T*) {
  for (std::size_t k = 0; k < count; ++k) {
    weight[k] = weight[k] * step.shrink - step.rate * clipped(step, gradient[k]);
  }
}

template <class T>
static void momentumUpdate(const UpdateStep<T>& step, const T* __restrict gradient, std::size_t count,
                           T* __restrict weight, T* __restrict velocity, T*) {
  // Nesterov's form looks a step ahead: g + momentum v in place of v.
  const T ahead = step.nesterov ? step.momentum : T(1), now = step.nesterov ? T(1) : T(0);
  for (std::size_t k = 0; k < count; ++k) {
    const T g = clipped(step, gradient[k]);
    const T v = velocity[k] * step.momentum + g;
    velocity[k] = v;
    weight[k] = weight[k] * step.shrink - step.rate * (now * g + ahead * v);
  }
}

template <class T>
static void adamUpdate(const UpdateStep<T>& step, const T* __restrict gradient, std::size_t count, T* __restrict weight,
                       T* __restrict first, T* __restrict second) {
  for (std::size_t k = 0; k < count; ++k) {
    const T g = clipped(step, gradient[k]);
    const T m = first[k] * step.beta1 + g * step.rest1;
    const T v = second[k] * step.beta2 + g * g * step.rest2;
    first[k] = m;
    second[k] = v;
    const T root = squareRoot(v * step.correction2) + step.epsilon;
    weight[k] = weight[k] * step.shrink - step.rate * (m * step.correction1 / root);
  }
}

template <class T>
static void rmsPropUpdate(const UpdateStep<T>& step, const T* __restrict gradient, std::size_t count,
                          T* __restrict weight, T* __restrict meanSquare, T* __restrict moment) {
  for (std::size_t k = 0; k < count; ++k) {
    const T g = clipped(step, gradient[k]);
    const T square = meanSquare[k] * step.beta2 + g * g * step.rest2;
    const T v = moment[k] * step.momentum + step.rate * g / squareRoot(square + step.epsilon);
    meanSquare[k] = square;
    moment[k] = v;
    weight[k] = weight[k] * step.shrink - v;
  }
}

template <class T>
static constexpr OptimizerTable<T> makeOptimizerTable() {
  return {squares<T>, sgdUpdate<T>, momentumUpdate<T>, adamUpdate<T>, rmsPropUpdate<T>};
}
