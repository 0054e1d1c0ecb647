#include "graph.h"

#include <stdexcept>
#include <utility>

namespace qrkd::network {

double NodeSpec::number(const std::string& key) const {
  const auto found = numbers.find(key);
  if (found == numbers.end()) throw std::invalid_argument(kind + ": no number \"" + key + "\"");
  return found->second;
}

template <class T>
Graph<T>::Graph(Shape input, const std::vector<NodeSpec>& specs, std::vector<std::unique_ptr<Weight<T>>> theWeights,
                std::vector<int> theOutputs)
    : weights(std::move(theWeights)), outputs(std::move(theOutputs)) {
  nodes.emplace_back();
  nodes[0].shape = input;
  for (const NodeSpec& spec : specs) {
    Node<T> node;
    node.inputs = spec.inputs;
    node.weights = spec.weights;
    std::vector<Shape> shapes;
    for (const int i : spec.inputs) {
      if (i < 0 || i >= static_cast<int>(nodes.size()))
        throw std::invalid_argument(spec.kind + ": inputs must be earlier nodes");
      shapes.push_back(nodes[static_cast<std::size_t>(i)].shape);
      node.differentiable = node.differentiable || nodes[static_cast<std::size_t>(i)].differentiable;
    }
    if (shapes.empty()) throw std::invalid_argument(spec.kind + ": a node needs an input");
    std::vector<Weight<T>*> own;
    for (const int w : spec.weights) {
      if (w < 0 || w >= static_cast<int>(weights.size())) throw std::invalid_argument(spec.kind + ": no such weight");
      own.push_back(weights[static_cast<std::size_t>(w)].get());
      node.differentiable = node.differentiable || own.back()->trainable;
    }
    if (spec.kind == "reshape") {
      node.shape = {spec.integer("height"), spec.integer("width"), spec.integer("channels")};
      if (node.shape.size() != shapes[0].size()) throw std::invalid_argument("reshape: another number of values");
    } else {
      node.layer = makeLayer<T>(spec, shapes, own);
      node.shape = node.layer->outputShape();
    }
    nodes.push_back(std::move(node));
  }
  for (const int o : outputs) {
    if (o < 0 || o >= static_cast<int>(nodes.size())) throw std::invalid_argument("outputs must be nodes");
  }
}

template struct Graph<float>;
template struct Graph<double>;

}  // namespace qrkd::network
