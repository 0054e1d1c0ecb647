#include "merge.h"

#include <algorithm>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {
namespace {

Merge mergeKind(const std::string& kind) {
  static const std::map<std::string, Merge> all = {{"add", Merge::kAdd},           {"subtract", Merge::kSubtract},
                                                   {"multiply", Merge::kMultiply}, {"average", Merge::kAverage},
                                                   {"maximum", Merge::kMaximum},   {"minimum", Merge::kMinimum}};
  return all.at(kind);
}

}  // namespace

template <class T>
MergeLayer<T>::MergeLayer(const NodeSpec& node, const std::vector<Shape>& inputs)
    : shape_(inputs[0]), kind_(mergeKind(node.kind)), inputs_(static_cast<int>(inputs.size())) {
  if (inputs_ < 2) throw std::invalid_argument(node.kind + ": at least two inputs are needed");
  if (kind_ == Merge::kSubtract && inputs_ != 2) throw std::invalid_argument("subtract: two inputs are needed");
  for (const Shape& shape : inputs) {
    if (!(shape == shape_)) throw std::invalid_argument(node.kind + ": inputs must have the same shape");
  }
}

template <class T>
void MergeLayer<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().layers.merge(kind_, pass.inputs, inputs_, shape_.size() * kLanes<T>, pass.output);
}

template <class T>
void MergeLayer<T>::backward(const PanelPass<T>& pass) {
  networkKernels<T>().layers.mergeGradient(kind_, pass.inputs, inputs_, pass.output, pass.outputGradient,
                                           shape_.size() * kLanes<T>, pass.inputGradients);
}

template <class T>
Concatenate<T>::Concatenate(const NodeSpec&, const std::vector<Shape>& inputs) : shape_(inputs[0]) {
  shape_.channels = 0;
  for (const Shape& shape : inputs) {
    if (shape.height != shape_.height || shape.width != shape_.width) {
      throw std::invalid_argument("concatenate: inputs must have the same height and width");
    }
    shape_.channels += shape.channels;
    channels_.push_back(static_cast<std::size_t>(shape.channels));
  }
}

template <class T>
void Concatenate<T>::forward(const PanelPass<T>& pass) {
  T* to = pass.output;
  for (std::size_t pixel = 0; pixel < shape_.pixels(); ++pixel) {
    for (std::size_t k = 0; k < channels_.size(); ++k) {
      const std::size_t size = channels_[k] * kLanes<T>;
      to = std::copy_n(pass.inputs[k] + pixel * size, size, to);
    }
  }
}

template <class T>
void Concatenate<T>::backward(const PanelPass<T>& pass) {
  const T* from = pass.outputGradient;
  for (std::size_t pixel = 0; pixel < shape_.pixels(); ++pixel) {
    for (std::size_t k = 0; k < channels_.size(); from += channels_[k++] * kLanes<T>) {
      const std::size_t size = channels_[k] * kLanes<T>;
      if (pass.inputGradients[k] != nullptr) std::copy_n(from, size, pass.inputGradients[k] + pixel * size);
    }
  }
}

template class MergeLayer<float>;
template class MergeLayer<double>;
template class Concatenate<float>;
template class Concatenate<double>;

}  // namespace qrkd::network
