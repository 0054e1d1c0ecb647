// Where the values of a step live: intervals of time that do not overlap share memory.
#pragma once

#include <cstddef>
#include <vector>

namespace qrkd::network {

/// A value that exists from step `first` to step `last` of the timeline, both inclusive.
struct Lifetime {
  int first, last;
  std::size_t size;  // scalars
};

/// Places all values in one block: the largest first, each at the lowest offset that is free during its life. Offsets
/// are multiples of `line`. Returns the offsets; `total` is the size of the block.
std::vector<std::size_t> place(const std::vector<Lifetime>& values, std::size_t line, std::size_t& total);

}  // namespace qrkd::network
