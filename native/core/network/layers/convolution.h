// Two-dimensional convolution (cross-correlation, as in every framework): any kernel, stride, dilation and padding.
#pragma once

#include "../../kernels/network.h"
#include "../layer.h"

namespace qrkd::network {

/// Sizes of a convolution or pooling window.
struct Window {
  int kernelHeight, kernelWidth, strideY, strideX, dilationY, dilationX, padTop, padLeft, outHeight, outWidth;
};

/// Reads a window of a NodeSpec; dilations are 1 where not given, `prefix` is "kernel" or "pool".
Window readWindow(const NodeSpec& node, const std::string& prefix);

/// Outputs that meet a tap of the kernel in one direction, for the kernel's gradient.
TapRange tapRange(int tap, int in, int out, int stride, int dilation, int pad);

/// The tables of a convolution seen as sums over runs of taps (kernels/network.h).
struct TapTables {
  std::vector<int> rowStarts, columnStarts;
  std::vector<TapRun> rows, columns;
  std::vector<PixelGroup> groups;
  std::vector<int> columnOrder;  // which tap of a row of the kernel is packed at each place

  /// Of the forward pass, from an input of the given size, or of the input's gradient from that of the output.
  static TapTables forward(const Window& window, int inHeight, int inWidth);
  static TapTables backward(const Window& window, int inHeight, int inWidth);

 private:
  void group();
};

template <class T>
class Convolution final : public Layer<T> {
 public:
  Convolution(const NodeSpec& node, Shape input, std::vector<Weight<T>*> weights);

  Shape outputShape() const override { return output_; }
  double flops() const override;
  bool readsOutput() const override { return relu_; }
  bool rectifies() const override { return relu_; }
  bool masksInput() const override { return true; }
  void weightsChanged() override;
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  ConvolutionPlan plan(const TapTables& tables, const Shape& from, const Shape& to) const;
  void pack(const TapTables& tables, bool backward, std::vector<T>& out) const;

  Shape input_, output_;
  Window window_;
  bool relu_;
  std::vector<Weight<T>*> weights_;  // kernel [ky][kx][in][out], bias
  TapTables forwardTables_, backwardTables_;
  std::vector<TapRange> gradientRows_, gradientColumns_;
  std::vector<T> packedForward_, packedBackward_;
  int packedTile_ = 0;
};

}  // namespace qrkd::network
