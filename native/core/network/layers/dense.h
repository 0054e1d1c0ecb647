// Fully connected layer.
#pragma once

#include "../layer.h"

namespace qrkd::network {

template <class T>
class Dense final : public Layer<T> {
 public:
  Dense(const NodeSpec& node, Shape input, std::vector<Weight<T>*> weights);

  Shape outputShape() const override { return {1, 1, static_cast<int>(outputs_)}; }
  double flops() const override;
  bool readsOutput() const override { return relu_; }
  bool rectifies() const override { return relu_; }
  void prepare(std::size_t panels) override;
  void forward(const PanelPass<T>& pass) override;
  void backward(const PanelPass<T>& pass) override;
  int gradientTasks() const override;
  void gradientTask(int task, std::size_t panels, const T* const* inputs, T* const* gradients) override;

 private:
  std::size_t inputs_, outputs_, stride_;
  bool relu_;
  std::vector<Weight<T>*> weights_;  // kernel [in][out], bias
  Buffer<T> gradients_;              // of the output, by sample: [panel][lane][stride_]
};

}  // namespace qrkd::network
