// Runs one layer on the panels of a batch without a plan. What a layer must not rely on is filled with values that
// would be noticed: scratch and outputs with NaN, the padding of the last panel with values that differ from 0.
#pragma once

#include <limits>
#include <memory>
#include <string>

#include "../core/network/layer.h"
#include "check.h"

namespace qrkd::network {

/// A layer with the shapes of its inputs and weights.
struct LayerCase {
  NodeSpec node;
  std::vector<Shape> inputs;
  std::vector<std::size_t> weights;

  std::string name() const {
    std::string text = node.kind;
    for (const auto& [key, value] : node.numbers) text += " " + key + "=" + std::to_string(value).substr(0, 5);
    return text;
  }
};

/// Tensors in double, samples outermost.
using Tensors = std::vector<std::vector<double>>;

struct LayerResult {
  std::vector<double> output;
  Tensors inputGradients, weightGradients;
  double padding = 0;  ///< the largest input gradient in the padding: layers before sum over all lanes
};

template <class T>
class LayerRun {
 public:
  LayerRun(const LayerCase& what, const Tensors& weights, std::size_t samples) : samples_(samples) {
    std::vector<Weight<T>*> pointers;
    for (const auto& values : weights) {
      weights_.push_back(std::make_unique<Weight<T>>());
      weights_.back()->value.assign(values.begin(), values.end());
      pointers.push_back(weights_.back().get());
    }
    shapes_ = what.inputs;
    layer_ = makeLayer<T>(what.node, what.inputs, pointers);
    layer_->prepare(panels());
    layer_->weightsChanged();
  }

  Layer<T>& layer() { return *layer_; }
  const std::vector<T>& weight(std::size_t w) const { return weights_[w]->value; }

  /// inputs: [input][sample][value]; outputGradient: empty for the forward pass alone. `shared`: output and gradients
  /// lie where they may lie.
  LayerResult run(const Tensors& inputs, const std::vector<double>& outputGradient, bool training = true,
                  std::uint64_t step = 0, bool shared = false) {
    const StepContext context{training, step, samples_};
    const Shape out = layer_->outputShape();
    const bool backward = !outputGradient.empty();
    const bool shareOutput = shared && layer_->inPlace() && !(backward && layer_->readsInputs());
    const bool shareGradient = shared && layer_->inPlace();
    std::vector<Panel> panels(this->panels());
    for (std::size_t p = 0; p < panels.size(); ++p) {
      for (std::size_t k = 0; k < inputs.size(); ++k) panels[p].inputs.push_back(pack(inputs[k], shapes_[k], p, 3));
      panels[p].output = poisoned(out.size() * kLanes<T>);
      panels[p].kept = poisoned(layer_->keptSize());
      if (backward) panels[p].outputGradient = pack(outputGradient, out, p, 0);
      for (std::size_t k = 0; backward && k < inputs.size(); ++k) {
        panels[p].inputGradients.push_back(poisoned(shapes_[k].size() * kLanes<T>));
      }
    }
    std::vector<std::vector<T>> weightGradients;
    for (const auto& weight : weights_) weightGradients.emplace_back(weight->value.size(), T(0));
    Buffer<T> scratch = poisoned(layer_->scratchSize());

    const auto each = [&](void (Layer<T>::*call)(const PanelPass<T>&)) {
      for (std::size_t p = 0; p < panels.size(); ++p) {
        std::vector<const T*> in;
        std::vector<T*> inGradients, ownGradients;
        for (auto& buffer : panels[p].inputs) in.push_back(buffer.data());
        for (auto& buffer : panels[p].inputGradients) inGradients.push_back(buffer.data());
        for (auto& gradient : weightGradients) ownGradients.push_back(gradient.data());
        PanelPass<T> pass{};
        pass.context = &context;
        pass.panel = p;
        pass.lanes = static_cast<int>(std::min<std::size_t>(kLanes<T>, samples_ - p * kLanes<T>));
        pass.inputs = in.data();
        pass.output = shareOutput ? panels[p].inputs[0].data() : panels[p].output.data();
        pass.kept = panels[p].kept.data();
        pass.scratch = scratch.data();
        pass.outputGradient = panels[p].outputGradient.data();
        if (shareGradient && backward) inGradients[0] = pass.outputGradient;
        pass.inputGradients = inGradients.data();
        pass.weightGradients = ownGradients.data();
        (layer_.get()->*call)(pass);
      }
    };
    const bool synchronises = training && layer_->synchronises();
    if (synchronises) {
      each(&Layer<T>::forwardStatistics);
      layer_->combineForward(context);
    }
    each(&Layer<T>::forward);
    LayerResult result;
    for (auto& panel : panels) panel.result = shareOutput ? &panel.inputs[0] : &panel.output;
    result.output = unpack(panels, out, [](const Panel& panel) -> const Buffer<T>& { return *panel.result; });
    if (!backward) return result;

    if (synchronises) {
      each(&Layer<T>::backwardStatistics);
      layer_->combineBackward(context);
    }
    each(&Layer<T>::backward);
    std::vector<const T*> taskInputs;
    std::vector<T*> taskGradients;
    for (auto& panel : panels) taskInputs.push_back(panel.inputs[0].data());
    for (auto& gradient : weightGradients) taskGradients.push_back(gradient.data());
    for (int task = 0; task < layer_->gradientTasks(); ++task) {
      layer_->gradientTask(task, panels.size(), taskInputs.data(), taskGradients.data());
    }
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const auto gradientOf = [&](const Panel& panel) -> const Buffer<T>& {
        return shareGradient && k == 0 ? panel.outputGradient : panel.inputGradients[k];
      };
      result.inputGradients.push_back(unpack(panels, shapes_[k], gradientOf));
      const std::size_t used = samples_ % kLanes<T>;
      const Buffer<T>& last = gradientOf(panels.back());
      for (std::size_t i = 0; used > 0 && i < shapes_[k].size() * kLanes<T>; ++i) {
        if (i % kLanes<T> >= used) result.padding = std::max(result.padding, std::abs(static_cast<double>(last[i])));
      }
    }
    for (const auto& gradient : weightGradients) result.weightGradients.emplace_back(gradient.begin(), gradient.end());
    return result;
  }

 private:
  struct Panel {
    std::vector<Buffer<T>> inputs, inputGradients;
    Buffer<T> output, kept, outputGradient;
    const Buffer<T>* result = nullptr;
  };

  std::size_t panels() const { return panelCount<T>(samples_); }

  static Buffer<T> poisoned(std::size_t size) {
    Buffer<T> buffer(size);
    std::fill(buffer.data(), buffer.data() + size, std::numeric_limits<T>::quiet_NaN());
    return buffer;
  }

  Buffer<T> pack(const std::vector<double>& values, Shape shape, std::size_t panel, double padding) const {
    Buffer<T> buffer(shape.size() * kLanes<T>);
    for (std::size_t k = 0; k < shape.size(); ++k) {
      for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
        const std::size_t sample = panel * kLanes<T> + lane;
        buffer[k * kLanes<T> + lane] = static_cast<T>(sample < samples_ ? values[sample * shape.size() + k] : padding);
      }
    }
    return buffer;
  }

  template <class Of>
  std::vector<double> unpack(const std::vector<Panel>& panels, Shape shape, const Of& of) const {
    std::vector<double> values(samples_ * shape.size());
    for (std::size_t sample = 0; sample < samples_; ++sample) {
      const Buffer<T>& buffer = of(panels[sample / kLanes<T>]);
      for (std::size_t k = 0; k < shape.size(); ++k) {
        values[sample * shape.size() + k] = static_cast<double>(buffer[k * kLanes<T> + sample % kLanes<T>]);
      }
    }
    return values;
  }

  std::size_t samples_;
  std::vector<Shape> shapes_;
  std::vector<std::unique_ptr<Weight<T>>> weights_;
  std::unique_ptr<Layer<T>> layer_;
};

}  // namespace qrkd::network
