// Memory for panels: aligned, never handed out twice at a time, and given back when too much would be kept.
#include "../core/allocation.h"

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"

namespace qrkd {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

void alignedAndOwn() {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int repeat = 0; repeat < 50; ++repeat) {
        struct Block {
          unsigned char* data;
          std::size_t size;
        };
        std::vector<Block> blocks;
        for (const std::size_t size : {std::size_t{1}, std::size_t{100}, 2 * kMiB - 1, 2 * kMiB, 2 * kMiB, 5 * kMiB}) {
          auto* data = static_cast<unsigned char*>(allocate(size));
          check(reinterpret_cast<std::uintptr_t>(data) % kAlignment == 0, "%zu bytes are not aligned", size);
          blocks.push_back({data, size});
        }
        // A block that two owners have would lose the mark of one.
        for (std::size_t b = 0; b < blocks.size(); ++b) {
          blocks[b].data[0] = blocks[b].data[blocks[b].size - 1] = static_cast<unsigned char>(16 * t + b);
        }
        for (std::size_t b = 0; b < blocks.size(); ++b) {
          const auto mark = static_cast<unsigned char>(16 * t + b);
          check(blocks[b].data[0] == mark && blocks[b].data[blocks[b].size - 1] == mark, "block %zu was shared", b);
          release(blocks[b].data, blocks[b].size);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

void keepsTheLatest() {
  void* first = allocate(8 * kMiB);
  release(first, 8 * kMiB);
  check(allocate(8 * kMiB) == first, "a released block is used again");
  release(first, 8 * kMiB);
  // 16 of 8 MiB are kept: releasing 17 gives one back, the oldest.
  std::vector<void*> blocks;
  for (int b = 0; b < 17; ++b) blocks.push_back(allocate(8 * kMiB));
  for (void* block : blocks) release(block, 8 * kMiB);
  for (int b = 16; b > 0; --b) check(allocate(8 * kMiB) == blocks[b], "the latest block comes first");
  for (int b = 16; b > 0; --b) release(blocks[b], 8 * kMiB);
}

}  // namespace
}  // namespace qrkd

int main() {
  qrkd::alignedAndOwn();
  qrkd::keepsTheLatest();
  return finish("allocation");
}
