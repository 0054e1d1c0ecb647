// Causal self-attention between the dense layers before and behind it.
#pragma once

#include "../layer.h"

namespace qrkd::network {

/// Kind "causalAttention" (number heads): queries, keys and values {1, t, 3 d}, within each head by head, become {1, t,
/// d}: for each head softmax(q k' / sqrt(d / heads)) v over the tokens that are not ahead.
///
/// Every lane is a sequence of its own, so that all products are of lines with lines. A block of queries at a time
/// meets all keys before it; nothing is kept, backward computes the block's shares again.
template <class T>
class CausalAttention final : public Layer<T> {
 public:
  CausalAttention(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights);

  Shape outputShape() const override { return output_; }
  std::size_t scratchSize() const override;
  double flops() const override;
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  /// Queries from `first` to `last` of one head: their shares of the tokens before `last`, [query][token][lane].
  void shares(const T* qkv, std::size_t head, std::size_t first, std::size_t last, T* out) const;

  Shape output_;
  std::size_t heads_, each_;  // heads, channels of each
};

}  // namespace qrkd::network
