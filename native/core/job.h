// The control block of one call: lets another thread cancel it and watch it.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>

namespace qrkd {

/// Thrown out of a call whose job was cancelled.
struct Cancelled : std::exception {
  const char* what() const noexcept override { return "cancelled"; }
};

class Job {
 public:
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  void check() const {
    if (cancelled()) throw Cancelled();
  }

  /// Announces `units` of work; every unit is then reported by `advance`.
  void expect(std::size_t units) { total_.fetch_add(units, std::memory_order_relaxed); }
  void advance(std::size_t units = 1) { done_.fetch_add(units, std::memory_order_relaxed); }
  double progress() const {
    const std::size_t total = total_.load(std::memory_order_relaxed);
    return total == 0 ? 0.0 : static_cast<double>(done_.load(std::memory_order_relaxed)) / static_cast<double>(total);
  }

 private:
  std::atomic<bool> cancelled_{false};
  std::atomic<std::size_t> total_{0}, done_{0};
};

}  // namespace qrkd
