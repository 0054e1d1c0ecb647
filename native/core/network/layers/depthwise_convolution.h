// Depthwise convolution: every channel with kernels of its own.
#pragma once

#include "convolution.h"

namespace qrkd::network {

/// Output channel c * multiplier + j is input channel c with kernel [.][.][c][j], plus a bias.
template <class T>
class DepthwiseConvolution final : public Layer<T> {
 public:
  DepthwiseConvolution(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return output_; }
  double flops() const override;
  void weightsChanged() override;
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  std::vector<T> pack(const TapTables& tables) const;

  Shape input_, output_;
  Window window_;
  std::vector<Weight<T>*> weights_;  // kernel [ky][kx][in][multiplier], bias
  TapTables forwardTables_, backwardTables_;
  std::vector<TapRange> gradientRows_, gradientColumns_;
  std::vector<T> packedForward_, packedBackward_;
};

}  // namespace qrkd::network
