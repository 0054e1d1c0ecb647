// Every function of every instruction set that this machine can run (AVX-512 also emulated, where SIMDe is installed)
// against the scalar one, on random inputs.
#include <algorithm>
#include <complex>
#include <cstring>
#include <string>

#include "../core/isa.h"
#include "../core/panel.h"
#include "check.h"

#ifdef QRKD_EMULATED_AVX512
namespace qrkd::avx512emulated {
const InstructionSet& instructionSet();
}
#endif

namespace qrkd {
namespace {

template <class T>
Buffer<T> random(std::size_t count, unsigned seed) {
  Buffer<T> buffer(count);
  const auto values = normals(count, seed);
  std::copy(values.begin(), values.end(), buffer.data());
  return buffer;
}

template <class T>
Buffer<T> copyOf(const Buffer<T>& source) {
  Buffer<T> copy(source.size());
  std::copy(source.data(), source.data() + source.size(), copy.data());
  return copy;
}

template <class T>
void compare(const Buffer<T>& a, const Buffer<T>& b, double scale, const char* set, const char* what) {
  const double tolerance = scale * (sizeof(T) == 4 ? 1e-6 : 1e-14);
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(double(a[i]) - double(b[i])));
  check(worst <= tolerance, "%s %s (%zu-byte scalars) differs by %g, allowed %g", set, what, sizeof(T), worst,
        tolerance);
}

// One complex number of a panel.
template <class T>
std::complex<double> at(const Buffer<T>& panel, std::size_t row, std::size_t lane) {
  constexpr std::size_t W = kLanes<T>;
  return {panel[row * 2 * W + lane], panel[row * 2 * W + W + lane]};
}

template <class T>
void compareGates(const KernelTable<T>& scalar, const KernelTable<T>& table, int bits, unsigned seed) {
  constexpr std::size_t W = kLanes<T>;
  const char* name = table.name;
  const std::size_t amplitudes = std::size_t{1} << bits;
  auto a = random<T>(amplitudes * 2 * W, seed + 30), b = copyOf(a);
  const auto matrix = random<T>(8 * W, seed + 31);
  for (int q = 0; q < bits; ++q) {
    for (const int real : {0, 1}) {
      scalar.oneQubit(a.data(), bits, q, matrix.data(), real);
      table.oneQubit(b.data(), bits, q, matrix.data(), real);
    }
    double largest = 1;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(double(a[i])));
    compare(a, b, 10 * largest, name, "oneQubit");
    a = random<T>(amplitudes * 2 * W, seed + 32 + q), b = copyOf(a);
    auto c = random<T>(amplitudes * 2 * W, seed + 33 + q), d = copyOf(c);
    scalar.oneQubitAdd(a.data(), c.data(), bits, q, matrix.data());
    table.oneQubitAdd(a.data(), d.data(), bits, q, matrix.data());
    compare(c, d, 50, name, "oneQubitAdd");
    auto e = random<T>(8 * W, seed + 34), f = copyOf(e);
    scalar.pairProducts(a.data(), c.data(), bits, q, e.data());
    table.pairProducts(a.data(), c.data(), bits, q, f.data());
    compare(e, f, 50.0 * static_cast<double>(amplitudes), name, "pairProducts");
    for (std::size_t lane = 0; 2U << lane <= W; ++lane) {
      scalar.swapLanes(a.data(), bits, q, static_cast<int>(lane));
      table.swapLanes(b.data(), bits, q, static_cast<int>(lane));
      compare(a, b, 0, name, "swapLanes");
    }
  }
  const int qubits[3] = {bits - 1, 0, bits / 2};
  const auto fixed = random<T>(128, seed + 35);
  for (int count = 1; count <= 3 && count <= bits; ++count) {
    scalar.unitary(a.data(), bits, qubits, count, fixed.data());
    table.unitary(b.data(), bits, qubits, count, fixed.data());
    compare(a, b, 1e4, name, "unitary");
  }
  const auto start = random<T>(2 * W, seed + 36), u = random<T>(bits * 4 * W, seed + 37);
  scalar.productState(a.data(), start.data(), u.data(), bits);
  table.productState(b.data(), start.data(), u.data(), bits);
  double largest = 1;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(double(a[i])));
  compare(a, b, 10 * largest, name, "productState");
  auto l = random<T>(amplitudes * 2 * W, seed + 38), m = copyOf(l);
  Buffer<T> levels(l.size()), du1(bits * 4 * W), du2(bits * 4 * W), ds1(2 * W), ds2(2 * W);
  scalar.productGradient(l.data(), start.data(), u.data(), bits, levels.data(), du1.data(), ds1.data());
  table.productGradient(m.data(), start.data(), u.data(), bits, levels.data(), du2.data(), ds2.data());
  for (std::size_t i = 0; i < du1.size(); ++i) largest = std::max(largest, std::abs(double(du1[i])));
  for (std::size_t i = 0; i < ds1.size(); ++i) largest = std::max(largest, std::abs(double(ds1[i])));
  compare(du1, du2, 100 * largest, name, "productGradient");
  compare(ds1, ds2, 100 * largest, name, "productGradient start");
}

template <class T>
void compareTables(const KernelTable<T>& scalar, const KernelTable<T>& table, unsigned seed) {
  constexpr std::size_t W = kLanes<T>;
  const char* name = table.name;

  {
    const std::size_t count = 3 * W + 5;
    const auto angles = normals(count, seed, std::pow(10.0, seed % 6));
    Buffer<T> c1(count), s1(count), c2(count), s2(count);
    scalar.sincos(angles.data(), c1.data(), s1.data(), count);
    table.sincos(angles.data(), c2.data(), s2.data(), count);
    compare(c1, c2, 1, name, "cos");
    compare(s1, s2, 1, name, "sin");
    for (std::size_t i = 0; i < count; ++i) {
      check(std::abs(double(c2[i]) - std::cos(angles[i])) < (sizeof(T) == 4 ? 1e-7 : 1e-15), "%s cos(%.17g)", name,
            angles[i]);
      check(std::abs(double(s2[i]) - std::sin(angles[i])) < (sizeof(T) == 4 ? 1e-7 : 1e-15), "%s sin(%.17g)", name,
            angles[i]);
    }
  }
  for (const int qubits : {1, 2, 3, 5, 8, 9}) {
    const std::size_t amplitudes = std::size_t{1} << qubits;
    auto a = random<T>(amplitudes * 2 * W, seed + 1), b = copyOf(a);
    scalar.hadamard(a.data(), qubits, 2 * W);
    table.hadamard(b.data(), qubits, 2 * W);
    compare(a, b, 8.0 * static_cast<double>(amplitudes), name, "hadamard");

    {
      // A tree of three levels with gaps.
      const auto factors = random<T>(40 * 2 * W, seed + 2);
      const int bits = std::min(qubits, 3);
      std::vector<PhaseNode> nodes = {
          {0, 1}, {1, -1}, {seed % 3 == 0 ? -1 : 2, seed % 2 == 0 ? 4 : -1}, {3, 5}, {4, -1}, {5, -1}, {6, 7}, {7, -1}};
      Buffer<T> p(8 * 2 * W), q(8 * 2 * W);
      const std::size_t entries = std::size_t{1} << bits;
      std::fill(p.data(), p.data() + p.size(), T(0));
      std::fill(q.data(), q.data() + q.size(), T(0));
      scalar.phaseVector(p.data(), factors.data(), nodes.data(), bits);
      table.phaseVector(q.data(), factors.data(), nodes.data(), bits);
      compare(p, q, 1e4, name, "phaseVector");
      scalar.parityPhase(p.data(), entries, 5 % entries, factors.data());
      table.parityPhase(q.data(), entries, 5 % entries, factors.data());
      compare(p, q, 1e5, name, "parityPhase");
    }

    auto x = random<T>(amplitudes * 2 * W, seed + 5), y = copyOf(x);
    const auto phase = random<T>(amplitudes * 2 * W, seed + 6);
    scalar.multiply(x.data(), phase.data(), amplitudes);
    table.multiply(y.data(), phase.data(), amplitudes);
    compare(x, y, 40, name, "multiply");
    scalar.multiplyConj(x.data(), phase.data(), amplitudes);
    table.multiplyConj(y.data(), phase.data(), amplitudes);
    compare(x, y, 400, name, "multiplyConj");
    auto g = random<T>(amplitudes * W, seed + 7), h = copyOf(g);
    for (const int accumulate : {0, 1}) {
      scalar.imagProduct(x.data(), phase.data(), g.data(), amplitudes, accumulate);
      table.imagProduct(x.data(), phase.data(), h.data(), amplitudes, accumulate);
      compare(g, h, 1000, name, "imagProduct");
    }

    // Indices with bit 0 dropped; and a permutation that adds bit 0 to the others.
    std::vector<unsigned long long> dropped(qubits + 1), added(qubits + 1);
    for (int t = 0; t < qubits; ++t) {
      dropped[t] = (2ULL << t >> 1) - 1;
      added[t] = (2ULL << t) - 1;
    }
    for (int t = 0; t < qubits; ++t) added[t] ^= t > 0 || qubits > 1 ? 2ULL % amplitudes : 0;
    for (const int conj : {0, 1}) {
      scalar.multiplyIndexed(x.data(), phase.data(), amplitudes, dropped.data(), conj);
      table.multiplyIndexed(y.data(), phase.data(), amplitudes, dropped.data(), conj);
      compare(x, y, 1e5, name, "multiplyIndexed");
    }
    scalar.imagProductIndexed(x.data(), phase.data(), g.data(), amplitudes, dropped.data());
    table.imagProductIndexed(y.data(), phase.data(), h.data(), amplitudes, dropped.data());
    compare(g, h, 1e6, name, "imagProductIndexed");
    Buffer<T> to1(x.size()), to2(x.size());
    scalar.permute(x.data(), to1.data(), amplitudes, 1, added.data());
    table.permute(x.data(), to2.data(), amplitudes, 1, added.data());
    compare(to1, to2, 0, name, "permute");
    compareGates(scalar, table, qubits, seed);
  }
  for (const std::size_t length : {1, 2, 4, 7, 16, 33, 128}) {
    const auto a = random<T>(length * 2 * W, seed + 8), b = random<T>(length * 2 * W, seed + 9);
    Buffer<T> sums1(length * W), sums2(length * W), differences(length * W);
    scalar.partSums(a.data(), 1, length, sums1.data());
    table.partSums(a.data(), 1, length, sums2.data());
    compare(sums1, sums2, 10, name, "partSums");
    scalar.partSums(b.data(), -1, length, differences.data());
    auto t1 = random<T>(W * 2 * W, seed + 10), t2 = copyOf(t1);
    // The products themselves are held against plain sums: the scalar set shares their algebra.
    for (std::size_t j = 0; j < W; ++j) {
      for (std::size_t i = 0; i < W; ++i) {
        std::complex<double> sum(t1[j * 2 * W + i], t1[j * 2 * W + W + i]);
        for (std::size_t k = 0; k < length; ++k) sum += std::conj(at(a, k, i)) * at(b, k, j);
        t1[j * 2 * W + i] = static_cast<T>(sum.real());
        t1[j * 2 * W + W + i] = static_cast<T>(sum.imag());
      }
    }
    table.gramTile(a.data(), sums1.data(), b.data(), differences.data(), length, t2.data());
    compare(t1, t2, 200, name, "gramTile");
    auto r1 = random<T>(W * W, seed + 11), r2 = copyOf(r1);
    scalar.gramTileReal(a.data(), b.data(), length, r1.data());
    table.gramTileReal(a.data(), b.data(), length, r2.data());
    compare(r1, r2, 100, name, "gramTileReal");

    const auto coefficient = random<T>(2 * 2 * W * W, seed + 12);
    const T* sources[2] = {a.data(), b.data()};
    Buffer<T> coefficientSums(2 * W * W), firstDifferences(length * W);
    scalar.partSums(coefficient.data(), 1, 2 * W, coefficientSums.data());
    scalar.partSums(a.data(), -1, length, firstDifferences.data());
    const T* sourceDifferences[2] = {firstDifferences.data(), differences.data()};
    auto l1 = random<T>(length * 2 * W, seed + 13), l2 = copyOf(l1);
    for (std::size_t k = 0; k < length; ++k) {
      for (std::size_t i = 0; i < W; ++i) {
        std::complex<double> sum(l1[k * 2 * W + i], l1[k * 2 * W + W + i]);
        for (std::size_t j = 0; j < 2 * W; ++j) {
          sum += std::conj(at(coefficient, j, i)) * at(j < W ? a : b, k, j % W);
        }
        l1[k * 2 * W + i] = static_cast<T>(sum.real());
        l1[k * 2 * W + W + i] = static_cast<T>(sum.imag());
      }
    }
    table.applyTile(sources, sourceDifferences, coefficient.data(), coefficientSums.data(), 2, length, l2.data());
    compare(l1, l2, 300, name, "applyTile");
    auto m1 = random<T>(length * W, seed + 14), m2 = copyOf(m1);
    scalar.applyTileReal(sources, coefficient.data(), 2, length, m1.data());
    table.applyTileReal(sources, coefficient.data(), 2, length, m2.data());
    compare(m1, m2, 200, name, "applyTileReal");
  }
  for (const std::size_t qubits : {1, 2, 9}) {
    const auto a = random<T>(qubits * 3 * W, seed + 15), b = random<T>(qubits * 3 * W, seed + 16);
    Buffer<T> t1(W * W), t2(W * W), scratch((qubits + 1) * W);
    scalar.productTile(a.data(), b.data(), qubits, t1.data());
    table.productTile(a.data(), b.data(), qubits, t2.data());
    double largest = 1;
    for (std::size_t i = 0; i < t1.size(); ++i) largest = std::max(largest, std::abs(double(t1[i])));
    compare(t1, t2, 10 * largest, name, "productTile");
    const auto weight = random<T>(W * W, seed + 17);
    auto g1 = random<T>(qubits * 3 * W, seed + 18), g2 = copyOf(g1);
    scalar.productTileGradient(a.data(), b.data(), weight.data(), qubits, g1.data(), scratch.data());
    table.productTileGradient(a.data(), b.data(), weight.data(), qubits, g2.data(), scratch.data());
    for (std::size_t i = 0; i < g1.size(); ++i) largest = std::max(largest, std::abs(double(g1[i])));
    compare(g1, g2, 100 * largest, name, "productTileGradient");
  }
}

void compareRelational(const InstructionSet& set, unsigned seed) {
  const RelationalTable &scalar = scalar::instructionSet().relational, &table = set.relational;
  const std::size_t stride = 24, columns = 5;
  const auto x = random<double>(columns * stride, seed), point = random<double>(columns, seed + 1);
  const auto weight = random<double>(stride, seed + 2);
  Buffer<double> a(stride), b(stride), inverseA(stride), inverseB(stride);
  scalar.squaredDistances(x.data(), stride, columns, point.data(), a.data());
  table.squaredDistances(x.data(), stride, columns, point.data(), b.data());
  compare(a, b, 100, set.name, "squaredDistances");
  scalar.distances(x.data(), stride, columns, point.data(), 1.5, a.data(), inverseA.data());
  table.distances(x.data(), stride, columns, point.data(), 1.5, b.data(), inverseB.data());
  compare(a, b, 10, set.name, "distances");
  compare(inverseA, inverseB, 1, set.name, "distances' inverses");
  scalar.innerProducts(x.data(), stride, columns, point.data(), a.data());
  table.innerProducts(x.data(), stride, columns, point.data(), b.data());
  compare(a, b, 100, set.name, "innerProducts");
  auto c = random<double>(columns, seed + 3), d = copyOf(c);
  scalar.weightedDifferences(x.data(), stride, columns, point.data(), weight.data(), c.data());
  table.weightedDifferences(x.data(), stride, columns, point.data(), weight.data(), d.data());
  compare(c, d, 100, set.name, "weightedDifferences");
  DistanceSums one, other;
  scalar.distanceRow(x.data(), weight.data(), 0.7, 1.1, stride, a.data(), one);
  table.distanceRow(x.data(), weight.data(), 0.7, 1.1, stride, b.data(), other);
  compare(a, b, 10, set.name, "distanceRow");
  check(std::abs(one.loss - other.loss) < 1e-12 && std::abs(one.along - other.along) < 1e-12, "%s distanceRow sums",
        set.name);

  AngleRow row{};
  row.count = stride;
  Buffer<double> arrays[4], gram[2];
  for (int i = 0; i < 4; ++i) arrays[i] = random<double>(stride, seed + 4 + i);
  for (int side = 0; side < 2; ++side) {
    row.numerators[side] = arrays[side].data();
    row.inverse[side] = arrays[2 + side].data();
    row.inverseJ[side] = 0.7 + side;
    gram[side] = random<double>(stride * stride, seed + 10 + side);
  }
  AngleSums first, second;
  row.gradient = a.data();
  scalar.angleRow(row, first);
  row.gradient = b.data();
  table.angleRow(row, second);
  compare(a, b, 10, set.name, "angleRow");
  check(std::abs(first.loss - second.loss) < 1e-12 && std::abs(first.cosine - second.cosine) < 1e-12,
        "%s angleRow sums", set.name);

  auto pairs = random<double>(stride * stride, seed + 20), morePairs = copyOf(pairs);
  Buffer<double> scratch(2 * stride), numerator(stride), cosine(stride);
  AngleVertex vertex{22,
                     stride,
                     7,
                     {gram[0].data(), gram[1].data()},
                     {row.inverse[0], row.inverse[1]},
                     pairs.data(),
                     numerator.data(),
                     cosine.data(),
                     scratch.data()};
  const double loss = scalar.angleVertex(vertex);
  vertex.pairs = morePairs.data();
  vertex.numerator = a.data();
  vertex.cosine = b.data();
  check(std::abs(table.angleVertex(vertex) - loss) < 1e-10, "%s angleVertex", set.name);
  compare(pairs, morePairs, 10, set.name, "angleVertex's pairs");
  compare(numerator, a, 100, set.name, "angleVertex's numerators");
  compare(cosine, b, 100, set.name, "angleVertex's cosines");
}

void compareSets(const InstructionSet& set, const char* how) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    compareTables(scalar::instructionSet().float32, set.float32, 100 * seed);
    compareTables(scalar::instructionSet().float64, set.float64, 100 * seed + 50);
    compareRelational(set, 1000 * seed);
  }
  std::printf("checked %s%s\n", set.name, how);  // read by scripts/ctest.mjs
}

}  // namespace
}  // namespace qrkd

int main() {
  using namespace qrkd;
  for (const auto& name : supportedInstructionSets()) {
    selectInstructionSet(name);
    check(name == instructionSet().name, "selected %s, got %s", name.c_str(), instructionSet().name);
    compareSets(instructionSet(), "");
  }
#ifdef QRKD_EMULATED_AVX512
  compareSets(avx512emulated::instructionSet(), " (emulated)");
#endif
  return finish("instruction sets");
}
