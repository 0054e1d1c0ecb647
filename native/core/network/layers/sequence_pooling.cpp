#include "sequence_pooling.h"

#include <algorithm>
#include <stdexcept>

#include "../../isa.h"
#include "../../kernels/network.h"

namespace qrkd::network {

template <class T>
SequencePooling<T>::SequencePooling(const NodeSpec& node, const std::vector<Shape>& inputs)
    : input_(inputs[0]), last_(node.number("last") != 0), padToken_(static_cast<T>(node.number("padToken"))) {
  if (inputs.size() != 2 || inputs[1].channels != 1 || inputs[1].pixels() != input_.pixels()) {
    throw std::invalid_argument("sequencePooling: the inputs must be values and one id for each of them");
  }
}

template <class T>
void SequencePooling<T>::shares(const T* ids, T* out) const {
  const std::size_t length = input_.pixels();
  for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
    std::size_t count = 0, last = 0;
    for (std::size_t t = 0; t < length; ++t) {
      const bool counts = ids[t * kLanes<T> + lane] != padToken_;
      out[t * kLanes<T> + lane] = counts && !last_ ? T(1) : T(0);
      if (!counts) continue;
      ++count;
      last = t;
    }
    if (last_) out[last * kLanes<T> + lane] = T(1);
    if (last_ || count == 0) continue;
    for (std::size_t t = 0; t < length; ++t) out[t * kLanes<T> + lane] /= static_cast<T>(count);
  }
}

template <class T>
void SequencePooling<T>::forward(const PanelPass<T>& pass) {
  const auto width = static_cast<std::size_t>(input_.channels);
  shares(pass.inputs[1], pass.scratch);
  networkKernels<T>().lineProduct({1, width, input_.pixels(), 0, 1, 1, width, 0, 1}, T(1), pass.scratch, pass.inputs[0],
                                  0, pass.output);
}

template <class T>
void SequencePooling<T>::backward(const PanelPass<T>& pass) {
  const auto width = static_cast<std::size_t>(input_.channels);
  if (pass.inputGradients[0] != nullptr) {
    shares(pass.inputs[1], pass.scratch);
    networkKernels<T>().lineProduct({input_.pixels(), width, 1, 1, 0, 1, 0, width, 1}, T(1), pass.scratch,
                                    pass.outputGradient, 0, pass.inputGradients[0]);
  }
  if (pass.inputGradients[1] != nullptr) {
    std::fill(pass.inputGradients[1], pass.inputGradients[1] + input_.pixels() * kLanes<T>, T(0));
  }
}

template class SequencePooling<float>;
template class SequencePooling<double>;

}  // namespace qrkd::network
