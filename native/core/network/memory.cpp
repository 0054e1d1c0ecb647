#include "memory.h"

#include <algorithm>
#include <numeric>

namespace qrkd::network {

std::vector<std::size_t> place(const std::vector<Lifetime>& values, std::size_t line, std::size_t& total) {
  std::vector<std::size_t> order(values.size()), offsets(values.size(), 0), placed;
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a].size > values[b].size; });
  total = 0;
  for (const std::size_t v : order) {
    // Neighbours in time, by offset.
    std::vector<std::size_t> others;
    for (const std::size_t o : placed) {
      if (values[o].first <= values[v].last && values[v].first <= values[o].last) others.push_back(o);
    }
    std::sort(others.begin(), others.end(), [&](auto a, auto b) { return offsets[a] < offsets[b]; });
    std::size_t offset = 0;
    for (const std::size_t o : others) {
      if (offset + values[v].size <= offsets[o]) break;
      offset = std::max(offset, (offsets[o] + values[o].size + line - 1) / line * line);
    }
    offsets[v] = offset;
    placed.push_back(v);
    total = std::max(total, offset + values[v].size);
  }
  return offsets;
}

}  // namespace qrkd::network
