// Some tokens of a sequence.
#pragma once

#include "../layer.h"

namespace qrkd::network {

/// Kind "tokenSampling" (numbers count, padToken): of values {1, t, d} and token ids {1, t, 1} the values at `count`
/// places, {1, count, d}, drawn as src/models/layers/tokenSampling.ts does from the tokens other than padToken; -1:
/// there is no padding.
template <class T>
class TokenSampling final : public Layer<T> {
 public:
  TokenSampling(const NodeSpec& node, const std::vector<Shape>& inputs);

  Shape outputShape() const override { return {1, count_, input_.channels}; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  /// Calls use(k, place) for the tokens drawn of one lane's sequence, in order.
  template <class Use>
  void draw(const T* ids, Use use) const;

  Shape input_;
  int count_;
  T padToken_;
};

}  // namespace qrkd::network
