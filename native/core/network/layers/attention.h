// Causal self-attention between the dense layers before and behind it.
#pragma once

#include "../../kernels/layers.h"
#include "../layer.h"

namespace qrkd::network {

/// Kind "causalAttention" (numbers heads, rate, seed): queries, keys and values {1, t, 3 d}, within each head by head,
/// become {1, t, d}: for each head softmax(q k' / sqrt(d / heads)) v over the tokens that are not ahead. In training
/// each share is 0 with probability `rate`, else divided by 1 - rate.
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
  /// Drops some of them, or of their gradients; `to` may be `from`.
  void drop(const PanelPass<T>& pass, std::size_t head, std::size_t first, std::size_t last, const T* from,
            T* to) const;
  bool drops(const PanelPass<T>& pass) const { return rate_ > 0 && pass.context->training; }

  Shape output_;
  std::size_t heads_, each_ = 0;  // heads, channels of each
  double rate_;
  DropoutMask mask_{};
};

}  // namespace qrkd::network
