// A network as a graph of layers with its weights: what a plan is made from.
#pragma once

#include <memory>
#include <vector>

#include "layer.h"

namespace qrkd::network {

/// One node; node 0 is the network's input and has no layer, nor have reshapes, which are other views of the same
/// memory.
template <class T>
struct Node {
  std::unique_ptr<Layer<T>> layer;
  std::vector<int> inputs;
  std::vector<int> weights;
  Shape shape;
  /// Whether the loss's gradient has to reach it: a trained weight lies at or before it.
  bool differentiable = false;
};

template <class T>
struct Graph {
  std::vector<Node<T>> nodes;
  std::vector<std::unique_ptr<Weight<T>>> weights;
  std::vector<int> outputs;

  /// Throws std::invalid_argument for a graph that does not fit together.
  Graph(Shape input, const std::vector<NodeSpec>& specs, std::vector<std::unique_ptr<Weight<T>>> weights,
        std::vector<int> outputs);
};

}  // namespace qrkd::network
