#include "depthwise_convolution.h"

#include <algorithm>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {
namespace {

// Bytes of both operands of a tile's gradient that should stay in L1, and lines of them at a pixel.
constexpr std::size_t kL1Bytes = 24 * 1024;
constexpr std::size_t kTileLines = 8;

ConvolutionPlan planOf(const TapTables& tables, const Window& window, const Shape& from, const Shape& to) {
  ConvolutionPlan plan{};
  plan.inWidth = from.width;
  plan.inChannels = from.channels;
  plan.outHeight = to.height;
  plan.outWidth = to.width;
  plan.outChannels = to.channels;
  plan.kernelWidth = window.kernelWidth;
  plan.kernelSize = static_cast<std::size_t>(window.kernelHeight) * static_cast<std::size_t>(window.kernelWidth);
  plan.rowStarts = tables.rowStarts.data();
  plan.rows = tables.rows.data();
  plan.columnStarts = tables.columnStarts.data();
  plan.columns = tables.columns.data();
  return plan;
}

}  // namespace

template <class T>
DepthwiseConvolution<T>::DepthwiseConvolution(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights)
    : input_(input),
      output_{node.integer("outHeight"), node.integer("outWidth"), input.channels * node.integer("multiplier")},
      window_(readWindow(node, "kernel")),
      weights_(weights),
      forwardTables_(TapTables::forward(window_, input.height, input.width)),
      backwardTables_(TapTables::backward(window_, input.height, input.width)) {
  const std::size_t channels = static_cast<std::size_t>(output_.channels);
  const std::size_t taps =
      static_cast<std::size_t>(window_.kernelHeight) * static_cast<std::size_t>(window_.kernelWidth);
  if (output_.channels < 1 || weights_.empty() || weights_.size() > 2 || weights_[0]->value.size() != taps * channels ||
      (weights_.size() == 2 && weights_[1]->value.size() != channels)) {
    throw std::invalid_argument("depthwiseConv2d: weights do not fit the kernel's size");
  }
  for (int k = 0; k < window_.kernelHeight; ++k) {
    gradientRows_.push_back(
        tapRange(k, input.height, output_.height, window_.strideY, window_.dilationY, window_.padTop));
  }
  for (int k = 0; k < window_.kernelWidth; ++k) {
    gradientColumns_.push_back(
        tapRange(k, input.width, output_.width, window_.strideX, window_.dilationX, window_.padLeft));
  }
}

template <class T>
double DepthwiseConvolution<T>::flops() const {
  return 2.0 * static_cast<double>(output_.pixels()) * static_cast<double>(weights_[0]->value.size()) * kLanes<T>;
}

// [ky][place of kx][output channel]
template <class T>
std::vector<T> DepthwiseConvolution<T>::pack(const TapTables& tables) const {
  const std::vector<T>& kernel = weights_[0]->value;
  const std::size_t channels = static_cast<std::size_t>(output_.channels);
  std::vector<T> packed;
  packed.reserve(kernel.size());
  for (int ky = 0; ky < window_.kernelHeight; ++ky) {
    for (const int kx : tables.columnOrder) {
      const T* tap = kernel.data() + static_cast<std::size_t>(ky * window_.kernelWidth + kx) * channels;
      packed.insert(packed.end(), tap, tap + channels);
    }
  }
  return packed;
}

template <class T>
void DepthwiseConvolution<T>::weightsChanged() {
  packedForward_ = pack(forwardTables_);
  packedBackward_ = pack(backwardTables_);
}

template <class T>
void DepthwiseConvolution<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().layers.depthwise(planOf(forwardTables_, window_, input_, output_), pass.inputs[0],
                                       packedForward_.data(),
                                       weights_.size() == 2 ? weights_[1]->value.data() : nullptr, pass.output);
}

template <class T>
void DepthwiseConvolution<T>::backward(const PanelPass<T>& pass) {
  const NetworkTable<T>& kernels = networkKernels<T>();
  if (pass.weightGradients[0] != nullptr) {
    KernelGradientPlan plan{};
    plan.inWidth = input_.width;
    plan.inChannels = input_.channels;
    plan.outHeight = output_.height;
    plan.outWidth = output_.width;
    plan.outChannels = output_.channels;
    plan.kernelHeight = window_.kernelHeight;
    plan.kernelWidth = window_.kernelWidth;
    plan.rows = gradientRows_.data();
    plan.columns = gradientColumns_.data();
    plan.rowsAtOnce =
        std::max(1, static_cast<int>(kL1Bytes / (kTileLines * kAlignment * static_cast<std::size_t>(output_.width))));
    kernels.layers.depthwiseKernel(plan, pass.inputs[0], pass.outputGradient, pass.weightGradients[0]);
  }
  if (weights_.size() == 2 && pass.weightGradients[1] != nullptr) {
    kernels.biasGradient(pass.outputGradient, output_.pixels(), static_cast<std::size_t>(output_.channels),
                         pass.weightGradients[1]);
  }
  if (pass.inputGradients[0] != nullptr) {
    kernels.layers.depthwiseInput(planOf(backwardTables_, window_, output_, input_), pass.outputGradient,
                                  packedBackward_.data(), pass.inputGradients[0]);
  }
}

template class DepthwiseConvolution<float>;
template class DepthwiseConvolution<double>;

}  // namespace qrkd::network
