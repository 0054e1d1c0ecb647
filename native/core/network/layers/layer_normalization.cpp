#include "layer_normalization.h"

#include <algorithm>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {

template <class T>
LayerNormalization<T>::LayerNormalization(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights)
    : shape_(input), size_(static_cast<std::size_t>(node.integer("size"))), epsilon_(node.number("epsilon")) {
  const bool scale = node.number("scale") != 0, center = node.number("center") != 0;
  if (size_ == 0 || shape_.size() % size_ != 0) {
    throw std::invalid_argument("layerNormalization: size must divide the number of values");
  }
  if (weights.size() != 0U + scale + center ||
      std::any_of(weights.begin(), weights.end(), [&](auto* w) { return w->value.size() != size_; })) {
    throw std::invalid_argument("layerNormalization: weights do not fit the size");
  }
  if (scale) gamma_ = weights[0];
  if (center) beta_ = weights.back();
}

template <class T>
void LayerNormalization<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().layers.layerNormalize(pass.inputs[0], valuesOf(gamma_), valuesOf(beta_), epsilon_, groups(),
                                            size_, pass.kept, pass.output);
}

template <class T>
void LayerNormalization<T>::backward(const PanelPass<T>& pass) {
  T* gammaGradient = gamma_ == nullptr ? nullptr : pass.weightGradients[0];
  T* betaGradient = beta_ == nullptr ? nullptr : pass.weightGradients[gamma_ == nullptr ? 0 : 1];
  networkKernels<T>().layers.layerNormalizeGradient(pass.inputs[0], valuesOf(gamma_), pass.kept, pass.outputGradient,
                                                    groups(), size_, pass.scratch, pass.inputGradients[0],
                                                    gammaGradient, betaGradient);
}

template class LayerNormalization<float>;
template class LayerNormalization<double>;

}  // namespace qrkd::network
