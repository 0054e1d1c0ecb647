#include "activations.h"

#include <algorithm>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {
namespace {

const std::map<std::string, Activation>& kinds() {
  static const std::map<std::string, Activation> all = {
      {"relu", Activation::kRelu},           {"relu6", Activation::kRelu6},
      {"leakyRelu", Activation::kLeakyRelu}, {"elu", Activation::kElu},
      {"selu", Activation::kSelu},           {"tanh", Activation::kTanh},
      {"sigmoid", Activation::kSigmoid},     {"hardSigmoid", Activation::kHardSigmoid},
      {"softplus", Activation::kSoftplus},   {"swish", Activation::kSwish},
      {"gelu", Activation::kGelu},           {"geluNew", Activation::kGeluNew},
      {"mish", Activation::kMish},
  };
  return all;
}

// An exponential costs about as much as so many simple operations.
constexpr double kExponentialFlops = 20;

}  // namespace

template <class T>
ActivationLayer<T>::ActivationLayer(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>&)
    : shape_(input), kind_(kinds().at(node.kind)) {
  if (kind_ != Activation::kLeakyRelu && kind_ != Activation::kElu) return;
  alpha_ = static_cast<T>(node.number("alpha"));
  // The derivative is read off the output's sign.
  if (!(alpha_ >= 0)) throw std::invalid_argument(node.kind + ": alpha must not be negative");
}

template <class T>
bool ActivationLayer<T>::knows(const std::string& kind) {
  return kinds().count(kind) != 0;
}

template <class T>
double ActivationLayer<T>::flops() const {
  const bool simple = kind_ <= Activation::kLeakyRelu || kind_ == Activation::kHardSigmoid;
  return static_cast<double>(shape_.size()) * kLanes<T> * (simple ? 1 : kExponentialFlops);
}

template <class T>
void ActivationLayer<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().layers.activate(kind_, alpha_, pass.inputs[0], shape_.size() * kLanes<T>, pass.output);
}

template <class T>
void ActivationLayer<T>::backward(const PanelPass<T>& pass) {
  if (pass.inputGradients[0] == nullptr) return;
  const std::size_t count = shape_.size() * kLanes<T>;
  if (pass.masked) {
    if (pass.inputGradients[0] == pass.outputGradient) return;
    std::copy(pass.outputGradient, pass.outputGradient + count, pass.inputGradients[0]);
    return;
  }
  networkKernels<T>().layers.activateGradient(kind_, alpha_, readsOutput() ? pass.output : pass.inputs[0],
                                              pass.outputGradient, count, pass.inputGradients[0]);
}

template <class T>
Softmax<T>::Softmax(const NodeSpec&, Shape input, const std::vector<Weight<T>*>&) : shape_(input) {}

template <class T>
double Softmax<T>::flops() const {
  return static_cast<double>(shape_.size()) * kLanes<T> * kExponentialFlops;
}

template <class T>
void Softmax<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().layers.softmax(pass.inputs[0], shape_.pixels(), static_cast<std::size_t>(shape_.channels),
                                     pass.output);
}

template <class T>
void Softmax<T>::backward(const PanelPass<T>& pass) {
  if (pass.inputGradients[0] == nullptr) return;
  networkKernels<T>().layers.softmaxGradient(pass.output, pass.outputGradient, shape_.pixels(),
                                             static_cast<std::size_t>(shape_.channels), pass.inputGradients[0]);
}

template class ActivationLayer<float>;
template class ActivationLayer<double>;
template class Softmax<float>;
template class Softmax<double>;

}  // namespace qrkd::network
