// Tokens and positions as vectors.
#pragma once

#include "../layer.h"

namespace qrkd::network {

/// Kind "tokenEmbedding" (numbers vocabulary, width; weight [vocabulary][width]): ids {.., t, 1} become their rows {..,
/// t, width}. Forward throws std::invalid_argument for a number that is no token's.
template <class T>
class TokenEmbedding final : public Layer<T> {
 public:
  TokenEmbedding(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return output_; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  Shape output_;
  std::size_t vocabulary_;
  Weight<T>* weight_;
};

/// Kind "positionEmbedding" (weight [positions][channels]): adds row t to token t.
template <class T>
class PositionEmbedding final : public Layer<T> {
 public:
  PositionEmbedding(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return shape_; }
  bool readsInputs() const override { return false; }
  bool inPlace() const override { return true; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  Shape shape_;
  Weight<T>* weight_;
};

}  // namespace qrkd::network
