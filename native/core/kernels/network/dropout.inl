// Random masks without memory: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), whose
// words depend on their place only. Counter: block of four elements, sample, step (two words); key: the seed.

template <class T>
static inline void philoxLines(const DropoutMask& mask, std::size_t block, unsigned (*words)[kWidth<T>]) {
  constexpr int W = kWidth<T>;
  unsigned c0[W], c1[W], c2[W], c3[W];
  for (int i = 0; i < W; ++i) {
    c0[i] = unsigned(block);
    c1[i] = unsigned(mask.sample) + unsigned(i);
    c2[i] = unsigned(mask.step);
    c3[i] = unsigned(mask.step >> 32);
  }
  unsigned k0 = unsigned(mask.seed), k1 = unsigned(mask.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < W; ++i) {
      const unsigned long long a = 0xd2511f53ULL * c0[i], b = 0xcd9e8d57ULL * c2[i];
      c0[i] = unsigned(b >> 32) ^ c1[i] ^ k0;
      c1[i] = unsigned(b);
      c2[i] = unsigned(a >> 32) ^ c3[i] ^ k1;
      c3[i] = unsigned(a);
    }
    k0 += 0x9e3779b9U;
    k1 += 0xbb67ae85U;
  }
  for (int i = 0; i < W; ++i) {
    words[0][i] = c0[i];
    words[1][i] = c1[i];
    words[2][i] = c2[i];
    words[3][i] = c3[i];
  }
}

template <class T>
static void dropout(const DropoutMask& mask, T scale, const T* x, std::size_t elements, T* y) {
  constexpr int W = kWidth<T>;
  unsigned words[4][W];
  for (std::size_t e = 0; e < elements; ++e) {
    if (e % 4 == 0) philoxLines<T>(mask, e / 4, words);
    T line[W];
    __builtin_memcpy(line, x + e * W, sizeof(line));
    for (int i = 0; i < W; ++i) line[i] = words[e % 4][i] < mask.threshold ? line[i] * scale : T(0);
    __builtin_memcpy(y + e * W, line, sizeof(line));
  }
}
