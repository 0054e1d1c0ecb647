#include "pointwise.h"

#include <algorithm>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {

template <class T>
Pointwise<T>::Pointwise(const NodeSpec& node, Shape input, std::vector<Weight<T>*> weights)
    : input_(input),
      output_{input.height, input.width, node.integer("units")},
      transposed_(node.kind == "tokenProjection"),
      relu_(!transposed_ && node.number("relu") != 0),
      weights_(std::move(weights)) {
  const auto ins = static_cast<std::size_t>(input_.channels), outs = static_cast<std::size_t>(output_.channels);
  if (weights_.empty() || weights_.size() > (transposed_ ? 1 : 2) || weights_[0]->value.size() != ins * outs ||
      (weights_.size() == 2 && weights_[1]->value.size() != outs)) {
    throw std::invalid_argument(node.kind + ": weights do not fit the channels and units");
  }
  for (int pixel = 0; pixel < static_cast<int>(input_.pixels()); ++pixel) {
    rowStarts_.push_back(pixel);
    rows_.push_back({pixel, 0, 1});
  }
  rowStarts_.push_back(static_cast<int>(input_.pixels()));
}

template <class T>
std::size_t Pointwise<T>::scratchSize() const {
  const auto narrower = static_cast<std::size_t>(std::min(input_.channels, output_.channels));
  return kPointwiseLines * (narrower + kPointwiseGroup) * kLanes<T>;
}

template <class T>
double Pointwise<T>::flops() const {
  return 2.0 * static_cast<double>(output_.pixels()) * static_cast<double>(weights_[0]->value.size()) * kLanes<T>;
}

template <class T>
ConvolutionPlan Pointwise<T>::plan(int from, int to) const {
  ConvolutionPlan plan;
  plan.inWidth = 1;
  plan.inChannels = from;
  plan.outHeight = static_cast<int>(input_.pixels());
  plan.outWidth = 1;
  plan.outChannels = to;
  plan.kernelWidth = 1;
  plan.kernelSize = 1;
  plan.rowStarts = rowStarts_.data();
  plan.rows = rows_.data();
  plan.columnStarts = columnStarts_;
  plan.columns = &column_;
  plan.groups = &group_;
  plan.groupCount = 1;
  return plan;
}

// [tile][channel summed over][channel in tile]
template <class T>
void Pointwise<T>::pack(bool backward, std::vector<T>& out) const {
  const int ins = input_.channels, outs = output_.channels, widest = networkKernels<T>().tile;
  const int summed = backward ? outs : ins, produced = backward ? ins : outs;
  // Whether the channels that are produced lie behind one another.
  const bool along = backward == transposed_;
  const auto row = static_cast<std::size_t>(along ? produced : summed);
  const std::size_t summedStride = along ? row : 1, producedStride = along ? 1 : row;
  const std::vector<T>& matrix = weights_[0]->value;
  out.resize(matrix.size());
  T* to = out.data();
  const int tiles = (produced + widest - 1) / widest;
  for (int t = 0, first = 0; t < tiles; ++t) {
    const int width = produced / tiles + (t < produced % tiles ? 1 : 0);
    for (int c = 0; c < summed; ++c) {
      const T* from =
          matrix.data() + static_cast<std::size_t>(c) * summedStride + static_cast<std::size_t>(first) * producedStride;
      for (int j = 0; j < width; ++j) *to++ = from[static_cast<std::size_t>(j) * producedStride];
    }
    first += width;
  }
}

template <class T>
void Pointwise<T>::weightsChanged() {
  pack(false, packedForward_);
  pack(true, packedBackward_);
}

template <class T>
void Pointwise<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().convolve(plan(input_.channels, output_.channels), pass.inputs[0], packedForward_.data(),
                               weights_.size() == 2 ? weights_[1]->value.data() : nullptr, relu_, nullptr, pass.output);
}

template <class T>
void Pointwise<T>::backward(const PanelPass<T>& pass) {
  const NetworkTable<T>& kernels = networkKernels<T>();
  if (relu_ && !pass.masked) kernels.reluMask(pass.output, output_.size() * kLanes<T>, pass.outputGradient);
  if (pass.weightGradients[0] != nullptr) {
    // The matrix is [inputs][outputs], that of a projection [outputs][inputs].
    const auto ins = static_cast<std::size_t>(input_.channels), outs = static_cast<std::size_t>(output_.channels);
    const std::size_t inStride = transposed_ ? 1 : outs, outStride = transposed_ ? ins : 1;
    if (ins <= outs) {
      kernels.pointwiseGradient({input_.pixels(), input_.channels, output_.channels, inStride, outStride},
                                pass.inputs[0], pass.outputGradient, pass.scratch, pass.weightGradients[0]);
    } else {
      kernels.pointwiseGradient({input_.pixels(), output_.channels, input_.channels, outStride, inStride},
                                pass.outputGradient, pass.inputs[0], pass.scratch, pass.weightGradients[0]);
    }
  }
  if (weights_.size() == 2 && pass.weightGradients[1] != nullptr) {
    kernels.biasGradient(pass.outputGradient, output_.pixels(), static_cast<std::size_t>(output_.channels),
                         pass.weightGradients[1]);
  }
  if (pass.inputGradients[0] != nullptr) {
    kernels.convolve(plan(output_.channels, input_.channels), pass.outputGradient, packedBackward_.data(), nullptr, 0,
                     pass.inputRectified ? pass.inputs[0] : nullptr, pass.inputGradients[0]);
  }
}

template class Pointwise<float>;
template class Pointwise<double>;

}  // namespace qrkd::network
