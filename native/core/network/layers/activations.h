// Activations: maps of single values, and softmax over the channels of each pixel.
#pragma once

#include "../../kernels/layers.h"
#include "../layer.h"

namespace qrkd::network {

/// Kinds relu, relu6, leakyRelu (alpha), elu (alpha), selu, tanh, sigmoid, hardSigmoid, softplus, swish, gelu (by the
/// normal distribution), geluNew (its tanh form), mish; derivatives at kinks are those of tfjs.
template <class T>
class ActivationLayer final : public Layer<T> {
 public:
  ActivationLayer(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  static bool knows(const std::string& kind);

  Shape outputShape() const override { return shape_; }
  double flops() const override;
  bool readsInputs() const override { return !readsOutput(); }
  bool readsOutput() const override { return kind_ <= Activation::kSoftplus; }
  bool inPlace() const override { return true; }
  bool rectifies() const override { return kind_ == Activation::kRelu; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  Shape shape_;
  Activation kind_;
  T alpha_ = 0;
};

template <class T>
class Softmax final : public Layer<T> {
 public:
  Softmax(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return shape_; }
  double flops() const override;
  bool readsInputs() const override { return false; }
  bool readsOutput() const override { return true; }
  bool inPlace() const override { return true; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  Shape shape_;
};

}  // namespace qrkd::network
