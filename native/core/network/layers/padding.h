// Zeros around an image.
#pragma once

#include "../layer.h"

namespace qrkd::network {

template <class T>
class ZeroPadding final : public Layer<T> {
 public:
  /// Numbers top, bottom, left, right.
  ZeroPadding(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return output_; }
  bool readsInputs() const override { return false; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  // Scalars of a row of the input, and where row y lies in the output.
  std::size_t row() const;
  std::size_t place(int y) const;

  Shape input_, output_;
  int top_, left_;
};

}  // namespace qrkd::network
