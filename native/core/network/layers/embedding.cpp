#include "embedding.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "../../isa.h"
#include "../../kernels/network.h"

namespace qrkd::network {

template <class T>
TokenEmbedding<T>::TokenEmbedding(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights)
    : output_{input.height, input.width, node.integer("width")},
      vocabulary_(static_cast<std::size_t>(node.integer("vocabulary"))),
      weight_(weights.empty() ? nullptr : weights[0]) {
  if (input.channels != 1) throw std::invalid_argument("tokenEmbedding: the input must be one id for each token");
  if (weights.size() != 1 || vocabulary_ == 0 ||
      weight_->value.size() != vocabulary_ * static_cast<std::size_t>(output_.channels)) {
    throw std::invalid_argument("tokenEmbedding: the weight does not fit vocabulary and width");
  }
}

template <class T>
void TokenEmbedding<T>::forward(const PanelPass<T>& pass) {
  const auto width = static_cast<std::size_t>(output_.channels);
  const T* ids = pass.inputs[0];
  T* out = pass.output;
  for (std::size_t t = 0; t < output_.pixels(); ++t, ids += kLanes<T>, out += width * kLanes<T>) {
    for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
      const T id = ids[lane];
      if (!(id >= 0 && id < static_cast<T>(vocabulary_))) {
        throw std::invalid_argument("token " + std::to_string(id) + " is none of the vocabulary's " +
                                    std::to_string(vocabulary_));
      }
      const T* row = weight_->value.data() + static_cast<std::size_t>(id) * width;
      for (std::size_t c = 0; c < width; ++c) out[c * kLanes<T> + lane] = row[c];
    }
  }
}

template <class T>
void TokenEmbedding<T>::backward(const PanelPass<T>& pass) {
  const auto width = static_cast<std::size_t>(output_.channels);
  if (pass.inputGradients[0] != nullptr) {
    std::fill(pass.inputGradients[0], pass.inputGradients[0] + output_.pixels() * kLanes<T>, T(0));
  }
  if (pass.weightGradients[0] == nullptr) return;
  const T *ids = pass.inputs[0], *dy = pass.outputGradient;
  for (std::size_t t = 0; t < output_.pixels(); ++t, ids += kLanes<T>, dy += width * kLanes<T>) {
    for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
      T* row = pass.weightGradients[0] + static_cast<std::size_t>(ids[lane]) * width;
      for (std::size_t c = 0; c < width; ++c) row[c] += dy[c * kLanes<T> + lane];
    }
  }
}

template <class T>
PositionEmbedding<T>::PositionEmbedding(const NodeSpec&, Shape input, const std::vector<Weight<T>*>& weights)
    : shape_(input), weight_(weights.empty() ? nullptr : weights[0]) {
  if (weights.size() != 1 || weight_->value.size() < shape_.size() ||
      weight_->value.size() % static_cast<std::size_t>(shape_.channels) != 0) {
    throw std::invalid_argument("positionEmbedding: the weight must have a row for every position");
  }
}

template <class T>
void PositionEmbedding<T>::forward(const PanelPass<T>& pass) {
  const T *x = pass.inputs[0], *row = weight_->value.data();
  T* y = pass.output;
  for (std::size_t k = 0; k < shape_.size(); ++k, x += kLanes<T>, y += kLanes<T>) {
    for (int lane = 0; lane < kLanes<T>; ++lane) y[lane] = x[lane] + row[k];
  }
}

template <class T>
void PositionEmbedding<T>::backward(const PanelPass<T>& pass) {
  // Every number of a sample has a weight of its own: sums over lanes only.
  if (pass.weightGradients[0] != nullptr) {
    networkKernels<T>().biasGradient(pass.outputGradient, 1, shape_.size(), pass.weightGradients[0]);
  }
  T* dx = pass.inputGradients[0];
  if (dx == nullptr || dx == pass.outputGradient) return;
  std::copy(pass.outputGradient, pass.outputGradient + shape_.size() * kLanes<T>, dx);
}

template class TokenEmbedding<float>;
template class TokenEmbedding<double>;
template class PositionEmbedding<float>;
template class PositionEmbedding<double>;

}  // namespace qrkd::network
