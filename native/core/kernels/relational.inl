// Loops of the relational losses over samples stored by column, x[column][stride]; see table.h for what they compute.

// f(r, v) for the vectors r of a tile that starts at sample k: sums over columns stay in registers.
template <int R, class Term>
static inline void columnTile(const double* x, std::size_t stride, std::size_t columns, const double* point,
                              double* out, Term term) {
  using S = Simd<double>;
  typename S::V sums[R];
  QRKD_UNROLL for (int r = 0; r < R; ++r) sums[r] = S::zero();
  for (std::size_t c = 0; c < columns; ++c, x += stride) {
    const auto p = S::set1(point[c]);
    QRKD_UNROLL for (int r = 0; r < R; ++r) sums[r] = term(S::load(x + r * S::VL), p, sums[r]);
  }
  QRKD_UNROLL for (int r = 0; r < R; ++r) S::store(out + r * S::VL, sums[r]);
}

template <class Term>
static inline void columnSums(const double* x, std::size_t stride, std::size_t columns, const double* point,
                              double* out, Term term) {
  constexpr int P = int(kColumnPadding), R = P / Simd<double>::VL;
  std::size_t k = 0;
  for (; k + 2 * P <= stride; k += 2 * P) columnTile<2 * R>(x + k, stride, columns, point, out + k, term);
  if (k < stride) columnTile<R>(x + k, stride, columns, point, out + k, term);
}

static void squaredDistances(const double* x, std::size_t stride, std::size_t columns, const double* point,
                             double* out) {
  using S = Simd<double>;
  columnSums(x, stride, columns, point, out, [](S::V v, S::V p, S::V sum) {
    const auto d = S::sub(v, p);
    return S::fma(d, d, sum);
  });
}

static void distances(const double* x, std::size_t stride, std::size_t columns, const double* point, double least,
                      double* distance, double* inverse) {
  squaredDistances(x, stride, columns, point, distance);
  for (std::size_t k = 0; k < stride; ++k) {
    const double d = __builtin_sqrt(distance[k]);
    distance[k] = d;
    inverse[k] = d > least ? 1 / d : 0;
  }
}

static void innerProducts(const double* x, std::size_t stride, std::size_t columns, const double* point, double* out) {
  using S = Simd<double>;
  columnSums(x, stride, columns, point, out, [](S::V v, S::V p, S::V sum) { return S::fma(v, p, sum); });
}

static void weightedDifferences(const double* x, std::size_t stride, std::size_t columns, const double* point,
                                const double* weight, double* out) {
  using S = Simd<double>;
  for (std::size_t c = 0; c < columns; ++c) {
    const auto p = S::set1(point[c]);
    auto sum = S::zero();
    for (std::size_t k = 0; k < stride; k += S::VL) {
      sum = S::fma(S::load(weight + k), S::sub(p, S::load(x + c * stride + k)), sum);
    }
    out[c] += S::sum(sum);
  }
}

// Smooth-L1 with beta 1 is d^2 / 2 up to 1 and |d| - 1/2 beyond: with c = clamp(d), its derivative, c (d - c / 2).
static inline Simd<double>::V clampedOne(Simd<double>::V difference) {
  using S = Simd<double>;
  return S::min(S::max(difference, S::set1(-1.0)), S::set1(1.0));
}

static void distanceRow(const double* student, const double* teacher, double studentScale, double teacherScale,
                        std::size_t count, double* slope, DistanceSums& sums) {
  using S = Simd<double>;
  const auto s = S::set1(studentScale), t = S::set1(teacherScale), half = S::set1(0.5);
  auto loss = S::zero(), along = S::zero();
  for (std::size_t k = 0; k < count; k += S::VL) {
    const auto d = S::load(student + k);
    const auto difference = S::sub(S::mul(d, s), S::mul(S::load(teacher + k), t));
    const auto clipped = clampedOne(difference);
    loss = S::fma(clipped, S::fnma(half, clipped, difference), loss);
    along = S::fma(clipped, d, along);
    S::store(slope + k, clipped);
  }
  sums.loss = S::sum(loss);
  sums.along = S::sum(along);
}

// Numerators of the cosines at vertex i are G_jk + P_j + P_k with P_k = G_ii / 2 - G_ik, the cosines those times
// inverse_j inverse_k. Everything is symmetric in j and k: columns run from the block of kColumnPadding that holds j,
// and those beyond it stand for both orders. Two rows at a time share the loads of a column.
static double angleVertex(const AngleVertex& v) {
  using S = Simd<double>;
  constexpr std::size_t B = kColumnPadding;
  const std::size_t stride = v.stride;
  const double* const inverse0 = v.inverse[0];
  const double* const inverse1 = v.inverse[1];
  // Of the student P, of the teacher P_k inverse_k, which saves it a product a cosine.
  double* const part0 = v.scratch;
  double* const part1 = v.scratch + stride;
  const double* const row0 = v.gram[0] + v.vertex * stride;
  const double* const row1 = v.gram[1] + v.vertex * stride;
  const auto own0 = S::set1(0.5 * row0[v.vertex]), own1 = S::set1(0.5 * row1[v.vertex]);
  for (std::size_t k = 0; k < stride; k += S::VL) {
    S::store(part0 + k, S::sub(own0, S::load(row0 + k)));
    S::store(part1 + k, S::mul(S::sub(own1, S::load(row1 + k)), S::load(inverse1 + k)));
    S::store(v.numerator + k, S::zero());
    S::store(v.cosine + k, S::zero());
  }
  const auto half = S::set1(0.5);
  auto once = S::zero(), twice = S::zero();
  for (std::size_t j = 0; j < v.rows; j += 2) {
    typename S::V p0[2], q0[2], p1[2], q1[2], numerator[2], cosine[2];
    QRKD_UNROLL for (int r = 0; r < 2; ++r) {
      p0[r] = S::set1(part0[j + r]);
      q0[r] = S::set1(inverse0[j + r]);
      p1[r] = S::set1(part1[j + r]);
      q1[r] = S::set1(inverse1[j + r]);
      numerator[r] = cosine[r] = S::zero();
    }
    const double* const gram0 = v.gram[0] + j * stride;
    const double* const gram1 = v.gram[1] + j * stride;
    double* const pairs = v.pairs + j * stride;
    const auto column = [&](std::size_t k, auto& loss, auto& sumN, auto& sumC) {
      const auto a0 = S::load(part0 + k), i0 = S::load(inverse0 + k);
      const auto a1 = S::load(part1 + k), i1 = S::load(inverse1 + k);
      QRKD_UNROLL for (int r = 0; r < 2; ++r) {
        const auto scale = S::mul(q0[r], i0);
        const auto c0 = S::mul(S::add(S::add(S::load(gram0 + r * stride + k), a0), p0[r]), scale);
        const auto rest = S::fma(S::load(gram1 + r * stride + k), i1, a1);
        const auto difference = S::fnma(p1[r], i1, S::fnma(q1[r], rest, c0));
        const auto clipped = clampedOne(difference);
        loss = S::fma(clipped, S::fnma(half, clipped, difference), loss);
        const auto u = S::mul(clipped, scale);
        double* const pair = pairs + r * stride + k;
        S::store(pair, S::add(S::load(pair), u));
        numerator[r] = S::add(numerator[r], u);
        cosine[r] = S::fma(clipped, c0, cosine[r]);
        sumN = S::add(sumN, u);
        sumC = S::fma(clipped, c0, sumC);
      }
    };
    std::size_t k = j / B * B;
    for (const std::size_t end = k + B; k < end; k += S::VL) {
      auto unused = S::zero(), unusedToo = S::zero();
      column(k, once, unused, unusedToo);
    }
    for (; k < stride; k += S::VL) {
      auto sumN = S::load(v.numerator + k), sumC = S::load(v.cosine + k);
      column(k, twice, sumN, sumC);
      S::store(v.numerator + k, sumN);
      S::store(v.cosine + k, sumC);
    }
    for (int r = 0; r < 2; ++r) {
      v.numerator[j + r] += S::sum(numerator[r]);
      v.cosine[j + r] += S::sum(cosine[r]);
    }
  }
  return S::sum(once) + 2 * S::sum(twice);
}

static void angleRow(const AngleRow& row, AngleSums& sums) {
  using S = Simd<double>;
  const auto inv0 = S::set1(row.inverseJ[0]), inv1 = S::set1(row.inverseJ[1]), half = S::set1(0.5);
  auto loss = S::zero(), cosine = S::zero();
  for (std::size_t k = 0; k < row.count; k += S::VL) {
    const auto scale0 = S::mul(inv0, S::load(row.inverse[0] + k));
    const auto scale1 = S::mul(inv1, S::load(row.inverse[1] + k));
    const auto c0 = S::mul(S::load(row.numerators[0] + k), scale0);
    const auto difference = S::fnma(S::load(row.numerators[1] + k), scale1, c0);
    const auto clipped = clampedOne(difference);
    loss = S::fma(clipped, S::fnma(half, clipped, difference), loss);
    S::store(row.gradient + k, S::mul(clipped, scale0));
    cosine = S::fma(clipped, c0, cosine);
  }
  sums.loss = S::sum(loss);
  sums.cosine = S::sum(cosine);
}

static constexpr RelationalTable makeRelationalTable() {
  return {squaredDistances, distances, innerProducts, weightedDifferences, distanceRow, angleVertex, angleRow};
}
