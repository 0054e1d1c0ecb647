// What a layer is to the plan that runs it.
//
// A layer works on one panel (16 float32 or 8 float64 samples in the lanes) at a time: a value of one sample is a line
// [lane] of kLanes<T> scalars, an activation [y][x][channel][lane]. Panels are the unit of threading, so that a layer
// writes nothing that another panel could write: its weights' gradients go to the panel's share and are added up in
// order afterwards, and results do not depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "../panel.h"
#include "shape.h"

namespace qrkd::network {

/// A tensor of weights, in tfjs's own order. Values change between steps only.
template <class T>
struct Weight {
  std::vector<T> value;
  bool trainable = true;
};

/// Where a step stands; the same for all panels.
struct StepContext {
  bool training = false;
  /// Counts all steps since the plan began, so that random masks do not depend on how the steps were cut into calls.
  std::uint64_t step = 0;
  /// Samples in the batch, without the padding of the last panel.
  std::size_t samples = 0;
};

/// One panel's share of a forward or a backward pass. Pointers to lines of lanes are 64-byte aligned.
template <class T>
struct PanelPass {
  const StepContext* context;
  std::size_t panel;          ///< its number in the batch
  int lanes;                  ///< samples in it; the other lanes hold zeros in the network's input
  const T* const* inputs;     ///< activations of the inputs
  T* output;                  ///< written by forward; readable in backward if readsOutput()
  T* kept;                    ///< keptSize() scalars, from forward to backward of this panel
  T* scratch;                 ///< scratchSize() scalars of this thread, for the duration of the call
  T* outputGradient;          ///< backward: d loss / d output; the layer may overwrite it
  T* const* inputGradients;   ///< backward: to be written (not added to); null where nobody needs it
  bool inputRectified;        ///< backward: zero the input's gradient where the input is not above 0, see masksInput()
  bool masked;                ///< backward: outputGradient is already zero where the output is not above 0
  T* const* weightGradients;  ///< backward: [own weight], to be added to; null where the weight is not trained
};

template <class T>
class Layer {
 public:
  virtual ~Layer() = default;

  /// Of one sample's output.
  virtual Shape outputShape() const = 0;
  /// Scalars for a panel that forward leaves for backward.
  virtual std::size_t keptSize() const { return 0; }
  /// Scalars that one call needs for itself.
  virtual std::size_t scratchSize() const { return 0; }
  /// Estimated operations of the forward pass of one panel, for the choice whether to use threads.
  virtual double flops() const { return static_cast<double>(outputShape().size()) * kLanes<T>; }

  /// Whether backward reads the inputs' activations, or the output's: what it does not read may be overwritten.
  virtual bool readsInputs() const { return true; }
  virtual bool readsOutput() const { return false; }
  /// Whether `output` may be the memory of the first input (a map of single values), and whether the first input's
  /// gradient may be the memory of the output's.
  virtual bool inPlace() const { return false; }

  /// Whether the output is max(0, .), so that backward begins with its mask; and whether the layer can apply that mask
  /// of its only input's layer while it writes the gradient, which saves a pass over memory.
  virtual bool rectifies() const { return false; }
  virtual bool masksInput() const { return false; }

  /// Batches will have up to so many panels.
  virtual void prepare(std::size_t panels) { (void)panels; }
  /// Called once before the first pass and after every change of the weights' values.
  virtual void weightsChanged() {}

  virtual void forward(const PanelPass<T>& pass) = 0;
  virtual void backward(const PanelPass<T>& pass) = 0;

  /// Layers that look at the whole batch while training (batch normalisation): all panels give their part of the
  /// statistics, one thread combines them in the panels' order, then forward (backward) runs as ever. Only called while
  /// training.
  virtual bool synchronises() const { return false; }
  virtual void forwardStatistics(const PanelPass<T>& pass) { (void)pass; }
  virtual void combineForward(const StepContext& context) { (void)context; }
  virtual void backwardStatistics(const PanelPass<T>& pass) { (void)pass; }
  virtual void combineBackward(const StepContext& context) { (void)context; }
  /// After a step that changed the weights: moving averages.
  virtual void stepTaken() {}

  /// Weights' gradients that are better made from all panels at once (dense layers): `tasks` independent pieces, run
  /// after the backward pass of all panels, each of which writes its part of the gradients. 0: backward adds to
  /// weightGradients instead.
  virtual int gradientTasks() const { return 0; }
  /// inputs: [panel]; gradients: [own weight], null where it is not trained.
  virtual void gradientTask(int task, std::size_t panels, const T* const* inputs, T* const* gradients) {
    (void)task, (void)panels, (void)inputs, (void)gradients;
  }
};

/// Makes the layer of a node; its weights live as long as the plan. Throws std::invalid_argument naming the kind for
/// what does not fit together.
template <class T>
std::unique_ptr<Layer<T>> makeLayer(const NodeSpec& node, const std::vector<Shape>& inputs,
                                    const std::vector<Weight<T>*>& weights);

}  // namespace qrkd::network
