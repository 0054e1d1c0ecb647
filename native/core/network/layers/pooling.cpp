#include "pooling.h"

#include <algorithm>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {
namespace {

std::vector<PoolRange> slidingRanges(const NodeSpec& node, int in, int out, int size, int stride, int pad) {
  if (out < 1 || size < 1 || stride < 1 || pad < 0) {
    throw std::invalid_argument(node.kind + ": sizes and strides must be at least 1, padding not negative");
  }
  std::vector<PoolRange> ranges;
  for (int o = 0; o < out; ++o) {
    const int start = o * stride - pad;
    ranges.push_back({std::max(start, 0), std::min(start + size, in)});
  }
  return ranges;
}

std::vector<PoolRange> adaptiveRanges(int in, int out) {
  std::vector<PoolRange> ranges;
  for (int o = 0; o < out; ++o) ranges.push_back({o * in / out, ((o + 1) * in + out - 1) / out});
  return ranges;
}

bool anyOverlap(const std::vector<PoolRange>& ranges) {
  for (std::size_t k = 1; k < ranges.size(); ++k) {
    if (ranges[k].first < ranges[k - 1].last) return true;
  }
  return false;
}

}  // namespace

PoolWindows::PoolWindows(const NodeSpec& node, Shape input)
    : input_(input), output_{node.integer("outHeight"), node.integer("outWidth"), input.channels} {
  if (node.kind == "adaptiveAveragePool2d") {
    rows_ = adaptiveRanges(input.height, output_.height);
    columns_ = adaptiveRanges(input.width, output_.width);
  } else {
    rows_ = slidingRanges(node, input.height, output_.height, node.integer("poolHeight"), node.integer("strideY"),
                          node.integer("padTop"));
    columns_ = slidingRanges(node, input.width, output_.width, node.integer("poolWidth"), node.integer("strideX"),
                             node.integer("padLeft"));
  }
  const auto empty = [](const PoolRange& range) { return range.first >= range.last; };
  if (rows_.empty() || columns_.empty() || std::any_of(rows_.begin(), rows_.end(), empty) ||
      std::any_of(columns_.begin(), columns_.end(), empty)) {
    throw std::invalid_argument(node.kind + ": every window must contain a value");
  }
  overlaps_ = anyOverlap(rows_) || anyOverlap(columns_);
}

PoolPlan PoolWindows::plan() const {
  return {input_.height, input_.width, input_.channels, output_.height,
          output_.width, rows_.data(), columns_.data(), overlaps_};
}

double PoolWindows::flops() const {
  double heights = 0, widths = 0;
  for (const PoolRange& range : rows_) heights += range.last - range.first;
  for (const PoolRange& range : columns_) widths += range.last - range.first;
  return heights * widths * input_.channels;
}

template <class T>
MaxPooling<T>::MaxPooling(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>&) : windows_(node, input) {}

template <class T>
void MaxPooling<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().layers.maxPool(windows_.plan(), pass.inputs[0], pass.output);
}

template <class T>
void MaxPooling<T>::backward(const PanelPass<T>& pass) {
  if (pass.inputGradients[0] == nullptr) return;
  // The largest value of a window is above 0 if any is.
  if (pass.inputRectified) {
    networkKernels<T>().reluMask(pass.output, outputShape().size() * kLanes<T>, pass.outputGradient);
  }
  networkKernels<T>().layers.maxPoolGradient(windows_.plan(), pass.inputs[0], pass.output, pass.outputGradient,
                                             pass.inputGradients[0]);
}

template <class T>
AveragePooling<T>::AveragePooling(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>&)
    : windows_(node, input) {}

template <class T>
void AveragePooling<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().layers.averagePool(windows_.plan(), pass.inputs[0], pass.output);
}

template <class T>
void AveragePooling<T>::backward(const PanelPass<T>& pass) {
  if (pass.inputGradients[0] == nullptr) return;
  networkKernels<T>().layers.averagePoolGradient(windows_.plan(), pass.outputGradient, pass.inputGradients[0]);
}

template class MaxPooling<float>;
template class MaxPooling<double>;
template class AveragePooling<float>;
template class AveragePooling<double>;

}  // namespace qrkd::network
