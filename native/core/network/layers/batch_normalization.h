// Batch normalisation (Ioffe and Szegedy 2015), as tfjs-layers has it.
#pragma once

#include "../layer.h"

namespace qrkd::network {

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta for each channel. While training, mean and (biased)
/// variance are those of the batch, over samples and pixels, also where gamma and beta are frozen; else the moving
/// averages. After every step, these move by (1 - momentum) towards the batch's.
template <class T>
class BatchNormalization final : public Layer<T> {
 public:
  /// Weights: gamma if `scale`, beta if `center`, moving mean, moving variance.
  BatchNormalization(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return shape_; }
  double flops() const override;
  std::size_t scratchSize() const override { return channels(); }
  bool inPlace() const override { return true; }
  void prepare(std::size_t panels) override;
  void weightsChanged() override;
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;
  bool synchronises() const override { return true; }
  void forwardStatistics(const PanelPass<T>& pass) override;
  void combineForward(const StepContext& context) override;
  void backwardStatistics(const PanelPass<T>& pass) override;
  void combineBackward(const StepContext& context) override;
  void stepTaken() override;

 private:
  // Of one channel.
  struct Affine {
    std::vector<T> mean, scale, shift;
  };
  std::size_t channels() const { return static_cast<std::size_t>(shape_.channels); }
  T gamma(std::size_t c) const { return gamma_ == nullptr ? T(1) : gamma_->value[c]; }
  T beta(std::size_t c) const { return beta_ == nullptr ? T(0) : beta_->value[c]; }
  double* part(std::vector<double>& parts, std::size_t panel, std::size_t which) {
    return parts.data() + (panel * 2 + which) * channels();
  }

  Shape shape_;
  double epsilon_, momentum_;
  Weight<T>*gamma_ = nullptr, *beta_ = nullptr, *movingMean_, *movingVariance_;
  Affine inference_, training_;
  // [panel][2][channel]: mean and sum of squared deviations; sums of dy and of dy times the deviation.
  std::vector<double> statistics_, gradients_;
  std::vector<double> mean_, variance_, inverse_;  // of the batch; 1 / sqrt(variance + epsilon)
  std::vector<T> deviationFactor_, constant_;      // of the input's gradient
  bool fresh_ = false;                             // whether the batch's statistics await stepTaken
};

}  // namespace qrkd::network
