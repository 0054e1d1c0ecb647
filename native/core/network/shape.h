// Shapes of what flows through a network, and how a node of its graph is described.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace qrkd::network {

/// One sample's values at a node, in memory order [y][x][channel]; vectors are {1, 1, n}, sequences {1, t, n}.
struct Shape {
  int height = 1, width = 1, channels = 1;
  std::size_t pixels() const { return static_cast<std::size_t>(height) * static_cast<std::size_t>(width); }
  std::size_t size() const { return pixels() * static_cast<std::size_t>(channels); }
  bool operator==(const Shape& o) const { return height == o.height && width == o.width && channels == o.channels; }
};

/// One node as TypeScript compiled it from the user's model: a kind, its inputs (earlier nodes; node 0 is the network's
/// input), its numbers, and the weights that it uses (places in the plan's list).
struct NodeSpec {
  std::string kind;
  std::vector<int> inputs;
  std::map<std::string, double> numbers;
  std::vector<int> weights;

  /// Throws std::invalid_argument naming the kind and the key where there is no such number.
  double number(const std::string& key) const;
  int integer(const std::string& key) const { return static_cast<int>(number(key)); }
};

}  // namespace qrkd::network
