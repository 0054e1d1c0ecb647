// Panels: the one memory layout of the engine.
//
// All samples of a batch run in lock-step. A panel holds `kLanes<T>` samples (16 in float32, 8 in float64, on every
// instruction set, so that results can be compared between them). Complex panels are [amplitude][re, im][lane], real
// panels [row][lane]. One amplitude of all lanes is a cache line or two, so every gate is plain vertical SIMD, and a
// panel is already the packed operand of the Gram microkernel.
#pragma once

#include <cstddef>
#include <utility>

#include "allocation.h"

namespace qrkd {

/// Samples in a panel: one 64-byte line of T.
template <class T>
inline constexpr int kLanes = 64 / static_cast<int>(sizeof(T));

/// Panels needed for `rows` samples; the last one is padded.
template <class T>
constexpr std::size_t panelCount(std::size_t rows) {
  return (rows + kLanes<T> - 1) / kLanes<T>;
}

/// A 64-byte aligned, uninitialised array (std::vector would touch every page twice).
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : size_(size) {
    if (size == 0) return;
    data_ = static_cast<T*>(allocate(size * sizeof(T)));
  }
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    if (data_ != nullptr) release(data_, size_ * sizeof(T));
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Row-major input samples, already copied out of the caller's memory and checked to be finite.
struct Rows {
  const double* data = nullptr;
  std::size_t count = 0;
  std::size_t columns = 0;
  bool second = false;                 // Y of a cross matrix: for errors
  const double* parameters = nullptr;  // trainable values of the feature map, the same for every row
  std::size_t parameterCount = 0;
  std::size_t whole = 0;  // samples of the matrix that these are a part of; 0: they are all

  /// Panels are laid out for so many samples: those of a block as those of the whole matrix.
  std::size_t batch() const { return whole > count ? whole : count; }
  const double* row(std::size_t i) const { return data + i * columns; }
};

}  // namespace qrkd
