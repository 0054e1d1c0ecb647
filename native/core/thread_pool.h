// One small thread pool per process, shared by all callers (worker threads of Node included).
#pragma once

#include <cstddef>
#include <functional>

#include "job.h"

namespace qrkd {

/// CPUs that this process may use: affinity mask and cgroup quota, at least 1.
int availableThreads();

/// Number of threads that take part in a parallel loop, the caller included. Set once, before the first loop; later
/// calls with another value restart the pool.
void setThreads(int threads);
int threads();

/// Loops whose estimated arithmetic is below this run on the calling thread: waking another costs more.
inline constexpr double kParallelFlops = 1e6;

/// Runs body(item, worker) for every item of [0, count), worker in [0, threads()).
///
/// Items are handed out in order but finish in any; a body must write only what belongs to its item, so that results do
/// not depend on the number of threads. Runs on the calling thread alone when `flops` is small, when called from inside
/// another loop, or when the pool is busy with another caller. Denormals are flushed to zero inside the loop, on every
/// thread alike. Reports each item's share of `flops` as progress. Throws Cancelled when the job was cancelled, else
/// the exception of the first item that had one.
void parallelFor(std::size_t count, double flops, Job& job, const std::function<void(std::size_t, int)>& body);

/// While it lives, loops started by this thread run on it alone: for independent pieces of work that have a thread
/// each.
class Sequential {
 public:
  Sequential();
  ~Sequential();
  Sequential(const Sequential&) = delete;
  Sequential& operator=(const Sequential&) = delete;

 private:
  bool before_;
};

}  // namespace qrkd
