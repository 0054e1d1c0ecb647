#include "product_rate.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "isa.h"
#include "job.h"
#include "panel.h"
#include "thread_pool.h"

namespace qrkd {
namespace {

constexpr int kRounds = 16;
constexpr double kRoundSeconds = 0.005;
constexpr std::size_t kRows = kGramChunk;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Seconds in which every thread multiplies two panels so many times.
template <class T>
double multiply(std::size_t times) {
  const KernelTable<T>& table = kernels<T>();
  const double flops = static_cast<double>(times) * kRows * kLanes<T> * kLanes<T> * 2 * threads();
  Job job;
  const double start = seconds();
  parallelFor(threads(), std::max(flops, 2 * kParallelFlops), job, [&](std::size_t, int) {
    Buffer<T> a(kRows * kLanes<T>), b(kRows * kLanes<T>), tile(kLanes<T> * kLanes<T>);
    std::fill_n(a.data(), kRows * kLanes<T>, T(0.5));
    std::fill_n(b.data(), kRows * kLanes<T>, T(0.25));
    std::fill_n(tile.data(), kLanes<T> * kLanes<T>, T(0));
    for (std::size_t k = 0; k < times; ++k) table.gramTileReal(a.data(), b.data(), kRows, tile.data());
  });
  return seconds() - start;
}

}  // namespace

template <class T>
double productRate() {
  std::size_t times = 64;
  while (multiply<T>(times) < kRoundSeconds) times *= 2;
  // The best of several: whatever else the machine does only slows one down.
  double best = multiply<T>(times);
  for (int round = 1; round < kRounds; ++round) best = std::min(best, multiply<T>(times));
  return static_cast<double>(times) * kRows * kLanes<T> * kLanes<T> * 2 * threads() / best;
}

template double productRate<float>();
template double productRate<double>();

}  // namespace qrkd
