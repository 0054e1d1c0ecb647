#include "dense.h"

#include <algorithm>
#include <stdexcept>

#include "../../isa.h"
#include "../../kernels/network.h"

namespace qrkd::network {
namespace {

// Rows of the kernel in one piece of its gradient.
constexpr std::size_t kTaskRows = 48;

}  // namespace

template <class T>
Dense<T>::Dense(const NodeSpec& node, Shape input, std::vector<Weight<T>*> weights)
    : inputs_(input.size()),
      outputs_(static_cast<std::size_t>(node.integer("units"))),
      // Two vectors of the widest instruction set are read at once.
      stride_((outputs_ + 2 * kLanes<T> - 1) / (2 * kLanes<T>)*(2 * kLanes<T>)),
      relu_(node.number("relu") != 0),
      weights_(std::move(weights)) {
  if (weights_.empty() || weights_.size() > 2 || weights_[0]->value.size() != inputs_ * outputs_ ||
      (weights_.size() == 2 && weights_[1]->value.size() != outputs_)) {
    throw std::invalid_argument("dense: weights do not fit the inputs and units");
  }
}

template <class T>
double Dense<T>::flops() const {
  return 2.0 * static_cast<double>(inputs_) * static_cast<double>(outputs_) * kLanes<T>;
}

template <class T>
void Dense<T>::prepare(std::size_t panels) {
  gradients_ = Buffer<T>(panels * kLanes<T> * stride_);
  std::fill(gradients_.data(), gradients_.data() + gradients_.size(), T(0));
}

template <class T>
void Dense<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().dense(pass.inputs[0], inputs_, weights_[0]->value.data(), outputs_, 1, outputs_,
                            weights_.size() == 2 ? weights_[1]->value.data() : nullptr, relu_, pass.output);
}

template <class T>
void Dense<T>::backward(const PanelPass<T>& pass) {
  const NetworkTable<T>& kernels = networkKernels<T>();
  if (relu_ && !pass.masked) kernels.reluMask(pass.output, outputs_ * kLanes<T>, pass.outputGradient);
  T* bySample = gradients_.data() + pass.panel * kLanes<T> * stride_;
  for (std::size_t o = 0; o < outputs_; ++o) {
    for (int lane = 0; lane < kLanes<T>; ++lane) {
      bySample[static_cast<std::size_t>(lane) * stride_ + o] =
          pass.outputGradient[o * kLanes<T> + static_cast<std::size_t>(lane)];
    }
  }
  if (pass.inputGradients[0] != nullptr) {
    kernels.dense(pass.outputGradient, outputs_, weights_[0]->value.data(), 1, outputs_, inputs_, nullptr, 0,
                  pass.inputGradients[0]);
  }
}

template <class T>
int Dense<T>::gradientTasks() const {
  return static_cast<int>((inputs_ + kTaskRows - 1) / kTaskRows);
}

template <class T>
void Dense<T>::gradientTask(int task, std::size_t panels, const T* const* inputs, T* const* gradients) {
  const std::size_t first = static_cast<std::size_t>(task) * kTaskRows, last = std::min(inputs_, first + kTaskRows);
  if (gradients[0] != nullptr) {
    networkKernels<T>().denseGradient(inputs, panels, first, last, gradients_.data(), stride_, outputs_, gradients[0]);
  }
  if (task == 0 && weights_.size() == 2 && gradients[1] != nullptr) {
    for (std::size_t o = 0; o < outputs_; ++o) {
      T sum = 0;
      for (std::size_t row = 0; row < panels * kLanes<T>; ++row) sum += gradients_[row * stride_ + o];
      gradients[1][o] = sum;
    }
  }
}

template class Dense<float>;
template class Dense<double>;

}  // namespace qrkd::network
