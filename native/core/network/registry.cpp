// Kinds of layers: one line each.
#include <stdexcept>

#include "layers/convolution.h"
#include "layers/dense.h"

namespace qrkd::network {
namespace {

template <class T>
using Maker = std::unique_ptr<Layer<T>> (*)(const NodeSpec&, const std::vector<Shape>&, const std::vector<Weight<T>*>&);

/// For classes made from the node, the shape of its only input, and its weights.
template <class T, template <class> class L>
std::unique_ptr<Layer<T>> weighted(const NodeSpec& node, const std::vector<Shape>& inputs,
                                   const std::vector<Weight<T>*>& weights) {
  return std::make_unique<L<T>>(node, inputs[0], weights);
}

template <class T>
const std::map<std::string, Maker<T>>& makers() {
  static const std::map<std::string, Maker<T>> all = {
      {"conv2d", weighted<T, Convolution>},
      {"dense", weighted<T, Dense>},
  };
  return all;
}

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> makeLayer(const NodeSpec& node, const std::vector<Shape>& inputs,
                                    const std::vector<Weight<T>*>& weights) {
  const auto found = makers<T>().find(node.kind);
  if (found == makers<T>().end()) throw std::invalid_argument("no layer of kind \"" + node.kind + "\"");
  return found->second(node, inputs, weights);
}

template std::unique_ptr<Layer<float>> makeLayer<float>(const NodeSpec&, const std::vector<Shape>&,
                                                        const std::vector<Weight<float>*>&);
template std::unique_ptr<Layer<double>> makeLayer<double>(const NodeSpec&, const std::vector<Shape>&,
                                                          const std::vector<Weight<double>*>&);

}  // namespace qrkd::network
