// Random masks without memory: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), whose
// words depend on their place only. Counter: block of four elements, sample, step (two words); key: the seed.

// So many counters at once: with fewer, the compiler unrolls the loops and no longer sees vectors.
constexpr int kPhiloxCounters = 64;

// words[w][i]: word w of counter i, which is that of block first + i / lanes and lane i % lanes.
static void philox(const DropoutMask& mask, std::size_t first, int lanes, unsigned (*words)[kPhiloxCounters]) {
  const unsigned step0 = unsigned(mask.step), step1 = unsigned(mask.step >> 32);
  const unsigned seed0 = unsigned(mask.seed), seed1 = unsigned(mask.seed >> 32);
  unsigned blocks[kPhiloxCounters], samples[kPhiloxCounters];
  for (int i = 0; i < kPhiloxCounters; ++i) {
    blocks[i] = unsigned(first) + unsigned(i / lanes);
    samples[i] = unsigned(mask.sample) + unsigned(i % lanes);
  }
  for (int i = 0; i < kPhiloxCounters; ++i) {
    unsigned c0 = blocks[i], c1 = samples[i], c2 = step0, c3 = step1;
    QRKD_UNROLL for (unsigned round = 0; round < 10; ++round) {
      const unsigned long long a = 0xd2511f53ULL * c0, b = 0xcd9e8d57ULL * c2;
      c0 = unsigned(b >> 32) ^ c1 ^ (seed0 + round * 0x9e3779b9U);
      c1 = unsigned(b);
      c2 = unsigned(a >> 32) ^ c3 ^ (seed1 + round * 0xbb67ae85U);
      c3 = unsigned(a);
    }
    words[0][i] = c0;
    words[1][i] = c1;
    words[2][i] = c2;
    words[3][i] = c3;
  }
}

template <class T>
static void dropout(const DropoutMask& mask, T scale, const T* x, std::size_t elements, T* y) {
  using S = Simd<T>;
  constexpr int W = kWidth<T>, N = kPhiloxCounters;
  constexpr std::size_t kAtOnce = 4 * N / W;
  unsigned words[4][N];
  alignas(64) T factors[4][N];
  for (std::size_t start = 0; start < elements; start += kAtOnce) {
    philox(mask, start / 4, W, words);
    for (int w = 0; w < 4; ++w) {
      for (int i = 0; i < N; ++i) factors[w][i] = words[w][i] < mask.threshold ? scale : T(0);
    }
    const std::size_t end = elements - start < kAtOnce ? elements : start + kAtOnce;
    for (std::size_t e = start; e < end; ++e) {
      const T* line = factors[e % 4] + (e - start) / 4 * W;
      for (int h = 0; h < W; h += S::VL) S::store(y + e * W + h, S::mul(S::load(x + e * W + h), S::load(line + h)));
    }
  }
}
