// Dropout (Srivastava et al. 2014) with a mask that follows from seed, step, sample and element alone.
#pragma once

#include "../../kernels/layers.h"
#include "../layer.h"

namespace qrkd::network {

/// While training, each value is 0 with probability `rate`, else divided by 1 - rate; else the identity. The mask is
/// drawn anew in the backward pass, which costs less than keeping it would; it does not depend on threads, panels or
/// precision.
template <class T>
class Dropout final : public Layer<T> {
 public:
  /// Numbers rate in [0, 1), seed.
  Dropout(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return shape_; }
  double flops() const override;
  bool readsInputs() const override { return false; }
  bool inPlace() const override { return true; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  void apply(const PanelPass<T>& pass, const T* from, T* to) const;

  Shape shape_;
  double rate_;
  DropoutMask mask_{};
};

}  // namespace qrkd::network
