// The control block of one call: lets another thread cancel it and watch it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

namespace qrkd {

/// Thrown out of a call whose job was cancelled.
struct Cancelled : std::exception {
  const char* what() const noexcept override { return "cancelled"; }
};

class Job {
 public:
  Job() = default;
  /// A part of another call, cancelled with it, whose progress does not count in it.
  explicit Job(const Job& whole) : whole_(&whole) {}

  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const {
    return cancelled_.load(std::memory_order_relaxed) || (whole_ != nullptr && whole_->cancelled());
  }
  void check() const {
    if (cancelled()) throw Cancelled();
  }

  /// Announces the arithmetic of the whole call, all its loops together, so that progress never runs backwards.
  void expect(double flops) { total_.store(flops, std::memory_order_relaxed); }
  /// Reports finished arithmetic; parallelFor does it after every item.
  void advance(double flops) { done_.fetch_add(static_cast<std::uint64_t>(flops), std::memory_order_relaxed); }
  /// Finished fraction, 0 to 1; 0 where nothing was announced.
  double progress() const {
    const double total = total_.load(std::memory_order_relaxed);
    return total > 0 ? std::min(1.0, static_cast<double>(done_.load(std::memory_order_relaxed)) / total) : 0.0;
  }

 private:
  const Job* whole_ = nullptr;
  std::atomic<bool> cancelled_{false};
  std::atomic<double> total_{0};
  std::atomic<std::uint64_t> done_{0};
};

}  // namespace qrkd
