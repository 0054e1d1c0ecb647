// Kinds of layers: one line each.
#include <stdexcept>

#include "layers/activations.h"
#include "layers/attention.h"
#include "layers/batch_normalization.h"
#include "layers/convolution.h"
#include "layers/dense.h"
#include "layers/depthwise_convolution.h"
#include "layers/dropout.h"
#include "layers/embedding.h"
#include "layers/layer_normalization.h"
#include "layers/merge.h"
#include "layers/padding.h"
#include "layers/pointwise.h"
#include "layers/pooling.h"
#include "layers/sequence_pooling.h"
#include "layers/token_sampling.h"

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

/// For classes made from the node and the shapes of all its inputs.
template <class T, template <class> class L>
std::unique_ptr<Layer<T>> merged(const NodeSpec& node, const std::vector<Shape>& inputs,
                                 const std::vector<Weight<T>*>&) {
  return std::make_unique<L<T>>(node, inputs);
}

template <class T>
const std::map<std::string, Maker<T>>& makers() {
  static const std::map<std::string, Maker<T>> all = {
      {"add", merged<T, MergeLayer>},
      {"adaptiveAveragePool2d", weighted<T, AveragePooling>},
      {"average", merged<T, MergeLayer>},
      {"averagePool2d", weighted<T, AveragePooling>},
      {"batchNormalization", weighted<T, BatchNormalization>},
      {"causalAttention", weighted<T, CausalAttention>},
      {"concatenate", merged<T, Concatenate>},
      {"conv2d", weighted<T, Convolution>},
      {"dense", weighted<T, Dense>},
      {"depthwiseConv2d", weighted<T, DepthwiseConvolution>},
      {"dropout", weighted<T, Dropout>},
      {"layerNormalization", weighted<T, LayerNormalization>},
      {"maximum", merged<T, MergeLayer>},
      {"maxPool2d", weighted<T, MaxPooling>},
      {"minimum", merged<T, MergeLayer>},
      {"multiply", merged<T, MergeLayer>},
      {"pointwise", weighted<T, Pointwise>},
      {"positionEmbedding", weighted<T, PositionEmbedding>},
      {"sequencePooling", merged<T, SequencePooling>},
      {"softmax", weighted<T, Softmax>},
      {"subtract", merged<T, MergeLayer>},
      {"tokenEmbedding", weighted<T, TokenEmbedding>},
      {"tokenProjection", weighted<T, Pointwise>},
      {"tokenSampling", merged<T, TokenSampling>},
      {"zeroPadding2d", weighted<T, ZeroPadding>},
  };
  return all;
}

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> makeLayer(const NodeSpec& node, const std::vector<Shape>& inputs,
                                    const std::vector<Weight<T>*>& weights) {
  if (ActivationLayer<T>::knows(node.kind)) return weighted<T, ActivationLayer>(node, inputs, weights);
  const auto found = makers<T>().find(node.kind);
  if (found == makers<T>().end()) throw std::invalid_argument("no layer of kind \"" + node.kind + "\"");
  return found->second(node, inputs, weights);
}

template std::unique_ptr<Layer<float>> makeLayer<float>(const NodeSpec&, const std::vector<Shape>&,
                                                        const std::vector<Weight<float>*>&);
template std::unique_ptr<Layer<double>> makeLayer<double>(const NodeSpec&, const std::vector<Shape>&,
                                                          const std::vector<Weight<double>*>&);

}  // namespace qrkd::network
