#include "dropout.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {

template <class T>
Dropout<T>::Dropout(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>&)
    : shape_(input), rate_(node.number("rate")) {
  if (!(rate_ >= 0 && rate_ < 1)) throw std::invalid_argument("dropout: rate must be at least 0 and below 1");
  const double seed = node.number("seed");
  if (!(seed >= 0 && seed <= 0x1p53)) throw std::invalid_argument("dropout: seed must be an integer from 0 to 2^53");
  mask_.seed = static_cast<unsigned long long>(seed);
  mask_.threshold = static_cast<unsigned long long>(std::llround((1 - rate_) * 0x1p32));
}

template <class T>
double Dropout<T>::flops() const {
  return 20.0 * static_cast<double>(shape_.size()) * kLanes<T>;
}

template <class T>
void Dropout<T>::apply(const PanelPass<T>& pass, const T* from, T* to) const {
  DropoutMask mask = mask_;
  mask.step = pass.context->step;
  mask.sample = pass.panel * kLanes<T>;
  networkKernels<T>().layers.dropout(mask, static_cast<T>(1 / (1 - rate_)), from, shape_.size(), to);
}

template <class T>
void Dropout<T>::forward(const PanelPass<T>& pass) {
  if (pass.context->training) return apply(pass, pass.inputs[0], pass.output);
  if (pass.output != pass.inputs[0]) std::copy_n(pass.inputs[0], shape_.size() * kLanes<T>, pass.output);
}

template <class T>
void Dropout<T>::backward(const PanelPass<T>& pass) {
  if (pass.inputGradients[0] != nullptr) apply(pass, pass.outputGradient, pass.inputGradients[0]);
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace qrkd::network
