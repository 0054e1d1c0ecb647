// Layer normalisation (Ba, Kiros and Hinton 2016), as tfjs-layers has it.
#pragma once

#include "../layer.h"

namespace qrkd::network {

/// Every `size` neighbouring values of a sample (its channels, or all of it): y = (x - mean) / sqrt(variance + epsilon)
/// * gamma + beta, with their own mean and (biased) variance.
template <class T>
class LayerNormalization final : public Layer<T> {
 public:
  /// Weights of `size` values: gamma if `scale`, beta if `center`.
  LayerNormalization(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return shape_; }
  double flops() const override { return 8.0 * static_cast<double>(shape_.size()) * kLanes<T>; }
  std::size_t keptSize() const override { return 2 * groups() * kLanes<T>; }
  std::size_t scratchSize() const override { return 2 * size_ * kLanes<T>; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  std::size_t groups() const { return shape_.size() / size_; }
  static const T* valuesOf(const Weight<T>* weight) { return weight == nullptr ? nullptr : weight->value.data(); }

  Shape shape_;
  std::size_t size_;
  double epsilon_;
  Weight<T>*gamma_ = nullptr, *beta_ = nullptr;
};

}  // namespace qrkd::network
