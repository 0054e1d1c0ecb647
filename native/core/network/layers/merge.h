// Layers that combine several inputs.
#pragma once

#include "../../kernels/layers.h"
#include "../layer.h"

namespace qrkd::network {

/// Kinds add, subtract, multiply, average, maximum, minimum: value by value, all inputs of one shape.
template <class T>
class MergeLayer final : public Layer<T> {
 public:
  MergeLayer(const NodeSpec& node, const std::vector<Shape>& inputs);

  Shape outputShape() const override { return shape_; }
  bool readsInputs() const override { return isExtreme() || kind_ == Merge::kMultiply; }
  bool readsOutput() const override { return isExtreme(); }
  bool inPlace() const override { return true; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  bool isExtreme() const { return kind_ == Merge::kMaximum || kind_ == Merge::kMinimum; }

  Shape shape_;
  Merge kind_;
  int inputs_;
};

/// Puts the channels of all inputs one behind the other, pixel by pixel.
template <class T>
class Concatenate final : public Layer<T> {
 public:
  Concatenate(const NodeSpec& node, const std::vector<Shape>& inputs);

  Shape outputShape() const override { return shape_; }
  bool readsInputs() const override { return false; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  Shape shape_;
  std::vector<std::size_t> channels_;  // of each input
};

}  // namespace qrkd::network
