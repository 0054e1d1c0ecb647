#include "thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace qrkd {
namespace {

// Flush-to-zero and denormals-are-zero for the lifetime of the object, on this thread only.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (1ull << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

 private:
  unsigned long long saved_;
#endif
};

struct Loop {
  std::size_t count;
  double flops;  // of one item
  Job* job;
  const std::function<void(std::size_t, int)>* body;
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  std::size_t failed = 0;  // the item whose error it is

  void run(int worker) {
    FlushDenormals flush;
    for (std::size_t item; !job->cancelled() && (item = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      try {
        (*body)(item, worker);
        job->advance(flops);
      } catch (...) {
        // Items are handed out in order, so the first of those that fail always runs: its error is the one to tell.
        std::lock_guard<std::mutex> lock(mutex);
        if (!error || item < failed) {
          error = std::current_exception();
          failed = item;
        }
        next.store(count, std::memory_order_relaxed);
      }
    }
  }
};

class Pool {
 public:
  // A stopped pool is leaked rather than destroyed: a job on a libuv thread may outlive static destructors.
  static Pool& instance() {
    static Pool* pool = [] {
      std::atexit([] { instance().stop(); });
      return new Pool;
    }();
    return *pool;
  }

  int threads() {
    std::lock_guard<std::mutex> lock(configure_);
    if (threads_ == 0) threads_ = availableThreads();
    return threads_;
  }

  void setThreads(int threads) {
    std::lock_guard<std::mutex> busy(busy_);
    stop();
    std::lock_guard<std::mutex> lock(configure_);
    threads_ = threads;
    stopping_ = false;
  }

  // False when the pool already works for another caller.
  bool run(Loop& loop) {
    const int wanted = threads() - 1;
    std::unique_lock<std::mutex> busy(busy_, std::try_to_lock);
    if (!busy.owns_lock() || wanted == 0 || stopping_) return false;
    while (static_cast<int>(workers_.size()) < wanted) {
      const int index = static_cast<int>(workers_.size()) + 1;
      workers_.emplace_back([this, index, seen = generation_.load()] { work(index, seen); });
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      loop_ = &loop;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    inside_ = true;
    loop.run(0);
    inside_ = false;
    // Whoever has not joined by now finds nothing left to do, and is not waited for.
    std::unique_lock<std::mutex> lock(mutex_);
    loop_ = nullptr;
    finished_.wait(lock, [this] { return running_ == 0; });
    return true;
  }

  static bool& inside() { return inside_; }

  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
  }

 private:
  void work(int index, unsigned seen) {
    inside_ = true;
    for (;;) {
      // A forward pass is usually followed by its gradient at once: look for a moment before going to sleep.
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(30);
      while (generation_.load(std::memory_order_acquire) == seen && std::chrono::steady_clock::now() < until) {
#if defined(__x86_64__)
        _mm_pause();
#endif
      }
      Loop* loop;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || generation_.load() != seen; });
        if (generation_.load() == seen) return;
        seen = generation_.load();
        loop = loop_;
        if (loop == nullptr) continue;
        ++running_;
      }
      loop->run(index);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--running_ == 0) finished_.notify_one();
    }
  }

  std::mutex busy_, configure_, mutex_;
  std::condition_variable wake_, finished_;
  std::vector<std::thread> workers_;
  std::atomic<unsigned> generation_{0};
  std::atomic<bool> stopping_{false};
  Loop* loop_ = nullptr;  // while it can be joined
  int running_ = 0;       // workers that have joined
  int threads_ = 0;
  static thread_local bool inside_;
};

thread_local bool Pool::inside_ = false;

}  // namespace

int availableThreads() {
  int count = static_cast<int>(std::thread::hardware_concurrency());
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) count = CPU_COUNT(&set);
  // cgroup v2: "max 100000" or "<quota> <period>" in microseconds.
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (file >> quota >> period && quota != "max" && period > 0) {
    count = std::min(count, std::max(1, static_cast<int>(std::atof(quota.c_str()) / period)));
  }
#endif
  return std::max(1, count);
}

void setThreads(int threads) {
  if (threads != Pool::instance().threads()) Pool::instance().setThreads(threads);
}

int threads() { return Pool::instance().threads(); }

void parallelFor(std::size_t count, double flops, Job& job, const std::function<void(std::size_t, int)>& body) {
  Loop loop;
  loop.count = count;
  loop.flops = flops / static_cast<double>(std::max<std::size_t>(count, 1));
  loop.job = &job;
  loop.body = &body;
  const bool alone = count < 2 || flops < kParallelFlops || Pool::inside();
  if (alone || !Pool::instance().run(loop)) loop.run(0);
  if (loop.error) std::rethrow_exception(loop.error);
  job.check();
}

Sequential::Sequential() : before_(std::exchange(Pool::inside(), true)) {}
Sequential::~Sequential() { Pool::inside() = before_; }

}  // namespace qrkd
