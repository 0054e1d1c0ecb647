#include "allocation.h"

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace qrkd {
namespace {

constexpr std::size_t kLarge = std::size_t{2} << 20;  // a huge page
constexpr std::size_t kKeptBytes = std::size_t{128} << 20;
constexpr std::size_t kKeptBlocks = 16;

std::size_t roundUp(std::size_t bytes) {
  const std::size_t unit = bytes >= kLarge ? kLarge : kAlignment;
  return (bytes + unit - 1) / unit * unit;
}

// Released large blocks, the oldest first.
class Kept {
 public:
  // Leaked rather than destroyed: a job on another thread may outlive static destructors.
  static Kept& instance() {
    static Kept* kept = new Kept;
    return *kept;
  }

  // A block of exactly this size, or null.
  void* take(std::size_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (std::size_t i = blocks_.size(); i-- > 0;) {
      if (blocks_[i].size == size) return remove(i);
    }
    return nullptr;
  }

  void put(void* memory, std::size_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    while (!blocks_.empty() && (bytes_ + size > kKeptBytes || blocks_.size() == kKeptBlocks)) std::free(remove(0));
    blocks_.push_back({memory, size});
    bytes_ += size;
  }

 private:
  struct Block {
    void* memory;
    std::size_t size;
  };

  Kept() { blocks_.reserve(kKeptBlocks); }  // so that `put` never allocates

  void* remove(std::size_t index) {
    const Block block = blocks_[index];
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(index));
    bytes_ -= block.size;
    return block.memory;
  }

  std::mutex mutex_;
  std::vector<Block> blocks_;
  std::size_t bytes_ = 0;
};

}  // namespace

void* allocate(std::size_t bytes) {
  const std::size_t size = roundUp(bytes);
  if (size < kLarge) {
    if (void* memory = std::aligned_alloc(kAlignment, size)) return memory;
    throw std::bad_alloc();
  }
  if (void* memory = Kept::instance().take(size)) return memory;
  void* memory = std::aligned_alloc(kLarge, size);
  if (memory == nullptr) throw std::bad_alloc();
  adviseLarge(memory, size);
  return memory;
}

void adviseLarge(void* memory, std::size_t bytes) {
#ifdef __linux__
  // A wish: not every kernel grants it. Only whole huge pages, so that the neighbours' memory stays as it is.
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t begin = (address + kLarge - 1) / kLarge * kLarge, end = (address + bytes) / kLarge * kLarge;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  static_cast<void>(memory);
  static_cast<void>(bytes);
#endif
}

void release(void* memory, std::size_t bytes) noexcept {
  const std::size_t size = roundUp(bytes);
  if (size < kLarge || size > kKeptBytes) {
    std::free(memory);
  } else {
    Kept::instance().put(memory, size);
  }
}

}  // namespace qrkd
