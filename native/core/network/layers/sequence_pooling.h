// One vector for a sequence of tokens.
#pragma once

#include "../layer.h"

namespace qrkd::network {

/// Kind "sequencePooling" (numbers last, padToken): of values {1, t, d} and token ids {1, t, 1} the mean over the
/// tokens other than padToken, or (last: 1) the value at the last of them, {1, 1, d}; padToken -1: there is no padding.
/// Of nothing but padding 0, or the first value.
template <class T>
class SequencePooling final : public Layer<T> {
 public:
  SequencePooling(const NodeSpec& node, const std::vector<Shape>& inputs);

  Shape outputShape() const override { return {1, 1, input_.channels}; }
  std::size_t scratchSize() const override { return input_.pixels() * kLanes<T>; }
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;

 private:
  /// What each token counts, [token][lane].
  void shares(const T* ids, T* out) const;

  Shape input_;
  bool last_;
  T padToken_;
};

}  // namespace qrkd::network
