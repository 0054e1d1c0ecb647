// Parallel loops: every item once, errors of the first item, nesting, and denormals only where the caller has them.
#include "../core/thread_pool.h"

#include <atomic>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.h"

namespace qrkd {
namespace {

constexpr double kLarge = 1e9;  // flops that call for all threads

// Volatile, so that it is computed where and when it is written.
bool flushes() {
  volatile float smallest = std::numeric_limits<float>::min();
  volatile float half = 0.5F * smallest;
  volatile double tiny = std::numeric_limits<double>::min();
  volatile double less = 0.5 * tiny;
  return half == 0 && less == 0;
}

void everyItemOnce() {
  for (const double flops : {0.0, kLarge}) {
    std::vector<std::atomic<int>> seen(1000);
    Job job;
    job.expect(flops);
    parallelFor(seen.size(), flops, job, [&](std::size_t item, int worker) {
      check(worker >= 0 && worker < threads(), "worker %d", worker);
      seen[item].fetch_add(1);
    });
    for (const auto& count : seen) check(count.load() == 1, "an item ran %d times", count.load());
    check(flops == 0 || std::abs(job.progress() - 1) < 1e-6, "progress ends at %g", job.progress());
  }
}

void denormals() {
  check(!flushes(), "the caller's denormals are flushed before a loop");
  std::atomic<int> kept{0};
  Job job;
  parallelFor(64, kLarge, job, [&](std::size_t, int) {
    if (!flushes()) kept.fetch_add(1);
    parallelFor(2, kLarge, job, [&](std::size_t, int) {
      if (!flushes()) kept.fetch_add(1);
    });
  });
  check(kept.load() == 0, "denormals were kept in %d of 192 items", kept.load());
  check(!flushes(), "the caller's denormals are flushed after a loop");
}

void firstError() {
  for (int repeat = 0; repeat < 50; ++repeat) {
    Job job;
    std::size_t told = 0;
    try {
      parallelFor(100, kLarge, job, [](std::size_t item, int) {
        if (item >= 7) throw std::out_of_range(std::to_string(item));
      });
    } catch (const std::out_of_range& error) {
      told = std::stoul(error.what());
    }
    check(told == 7, "the error of item %zu was told, not of 7", told);
  }
}

void callersAtOnce() {
  std::vector<std::thread> callers;
  std::atomic<std::size_t> sum{0};
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      Job job;
      for (int repeat = 0; repeat < 20; ++repeat) {
        parallelFor(100, kLarge, job, [&](std::size_t item, int) { sum.fetch_add(item); });
      }
    });
  }
  for (auto& caller : callers) caller.join();
  check(sum.load() == 4u * 20u * 4950u, "four callers at once lost items");
}

}  // namespace
}  // namespace qrkd

int main() {
  using namespace qrkd;
  for (const int count : {3, 1, 2}) {
    setThreads(count);
    everyItemOnce();
    denormals();
    firstError();
    callersAtOnce();
  }
  return finish("thread pool");
}
