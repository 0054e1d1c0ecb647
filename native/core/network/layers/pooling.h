// Pooling layers. Padding never counts: an average divides by the number of real values, as TensorFlow's does.
#pragma once

#include "../../kernels/layers.h"
#include "../layer.h"

namespace qrkd::network {

/// Which part of the input every output pixel looks at.
class PoolWindows {
 public:
  /// Kinds maxPool2d, averagePool2d (poolHeight, poolWidth, strides, padTop, padLeft, outHeight, outWidth) and
  /// adaptiveAveragePool2d (outHeight, outWidth; PyTorch's windows: from floor(o in / out) to ceil((o + 1) in / out)).
  PoolWindows(const NodeSpec& node, Shape input);

  PoolPlan plan() const;
  Shape outputShape() const { return output_; }
  double flops() const;

 private:
  Shape input_, output_;
  std::vector<PoolRange> rows_, columns_;
  bool overlaps_;
};

template <class T>
class MaxPooling final : public Layer<T> {
 public:
  MaxPooling(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return windows_.outputShape(); }
  double flops() const override { return windows_.flops() * kLanes<T>; }
  bool readsOutput() const override { return true; }
  bool masksInput() const override { return true; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  PoolWindows windows_;
};

template <class T>
class AveragePooling final : public Layer<T> {
 public:
  AveragePooling(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return windows_.outputShape(); }
  double flops() const override { return windows_.flops() * kLanes<T>; }
  bool readsInputs() const override { return false; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  PoolWindows windows_;
};

}  // namespace qrkd::network
