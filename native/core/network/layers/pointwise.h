// The same matrix product at every pixel or token.
#pragma once

#include "../../kernels/network.h"
#include "../layer.h"

namespace qrkd::network {

/// y = x W + b at every pixel; kinds "pointwise" (numbers units, relu; W: [channels][units]) and "tokenProjection"
/// (number units; W: [units][channels], the matrix of a tokenEmbedding, no bias). A 1x1 convolution goes through its
/// pixels once for a tile of channels; here a pixel goes through all tiles while it is in the nearest cache, and the
/// kernel through the next one.
template <class T>
class Pointwise final : public Layer<T> {
 public:
  Pointwise(const NodeSpec& node, Shape input, std::vector<Weight<T>*> weights);

  Shape outputShape() const override { return output_; }
  std::size_t scratchSize() const override;
  double flops() const override;
  bool readsOutput() const override { return relu_; }
  bool rectifies() const override { return relu_; }
  bool masksInput() const override { return true; }
  void weightsChanged() override;
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  ConvolutionPlan plan(int from, int to) const;
  void pack(bool backward, std::vector<T>& out) const;

  Shape input_, output_;
  bool transposed_, relu_;
  std::vector<Weight<T>*> weights_;  // matrix, bias
  // Of a convolution of height `pixels` and width 1.
  std::vector<int> rowStarts_;
  std::vector<TapRun> rows_;
  int columnStarts_[2] = {0, 1};
  TapRun column_ = {0, 0, 1};
  PixelGroup group_ = {0, 1, 0};
  std::vector<T> packedForward_, packedBackward_;
};

}  // namespace qrkd::network
