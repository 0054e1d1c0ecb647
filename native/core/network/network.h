// A network that runs: batches through a plan's segments, panel by panel.
#pragma once

#include <cstdint>
#include <functional>

#include "../job.h"
#include "plan.h"

namespace qrkd::network {

/// Samples to load: rows of an array of images, in the order of `rows` (or the first ones where it is null).
struct Batch {
  const float* images = nullptr;
  const std::uint32_t* rows = nullptr;
  std::size_t first = 0;  // where rows is null
  std::size_t count = 0;

  std::size_t row(std::size_t i) const { return rows == nullptr ? first + i : rows[i]; }
};

/// Time spent in a layer, for benchmarks.
struct LayerTime {
  double forward = 0, backward = 0;  // seconds, of all threads together
};

template <class T>
class Network {
 public:
  /// `most`: samples of the largest batch; `trains`: whether there will be training steps.
  Network(Graph<T> graph, std::size_t most, bool trains);

  Graph<T>& graph() { return graph_; }
  const Graph<T>& graph() const { return graph_; }
  std::size_t most() const { return most_; }
  std::size_t outputSize(std::size_t output) const { return node(graph_.outputs[output]).shape.size(); }

  /// Has to be called after weights were written from outside.
  void weightsChanged();

  void forward(const Batch& batch, const StepContext& context, Job& job);
  /// Copies an output of the last forward pass, row-major [sample][size].
  template <class To>
  void readOutput(std::size_t output, To* values) const;
  /// The same as it lies, a panel at a time: [pixel][channel][lane]. The gradient is null where nobody reads it; it may
  /// be the output's own memory.
  std::size_t panels() const { return panelCount_; }
  T* outputLanes(std::size_t output, std::size_t panel);
  T* outputGradientLanes(std::size_t output, std::size_t panel);
  const Shape& outputShape(std::size_t output) const { return node(graph_.outputs[output]).shape; }
  /// Gradient of an output, row-major, for `backward`; every output needs one. It may take the output's place, which is
  /// not to be read afterwards. `adds`: to what was written through outputGradientLanes().
  void writeOutputGradient(std::size_t output, const double* values, bool adds = false);
  /// The same of zeros.
  void clearOutputGradient(std::size_t output);
  /// After it, gradient(w) is that of the loss for every trained weight.
  void backward(Job& job);
  T* gradient(std::size_t weight) { return gradients_[weight].data(); }
  /// After an update of the trained weights.
  void stepTaken();

  /// Measures from now on; costs a little.
  void startProfile() { profile_.assign(threads_ * graph_.nodes.size(), {}); }
  std::vector<LayerTime> profile() const;
  /// Bytes of activations, gradients and scratch.
  std::size_t arenaBytes() const;

 private:
  struct Worker {
    Buffer<T> arena;
    std::vector<const T*> inputs;
    std::vector<T*> inputGradients, weightGradients;
  };
  void prepareGradients(std::size_t shares);
  const Node<T>& node(int n) const { return graph_.nodes[static_cast<std::size_t>(n)]; }
  T* at(const Place& place, std::size_t panel, Worker& worker);
  void run(const Segment& segment, std::size_t panel, std::size_t share, int worker);
  void step(const PlanStep& step, std::size_t panel, std::size_t share, Worker& worker);
  void backwardStep(const PlanStep& step, PanelPass<T>& pass, Worker& worker);
  T* taskGradient(std::size_t n, std::size_t own);
  void runAll(const std::vector<Segment>& segments, bool backward, Job& job);
  void load(std::size_t panel, T* out) const;
  void addShares();
  void addTasks(Job& job);

  Graph<T> graph_;
  std::size_t most_, threads_;
  Plan inference_, training_;
  std::vector<Buffer<T>> panels_;
  std::vector<Worker> workers_;
  // The gradients of a node's weights: parts of each share of the panels, or made whole by the layer's tasks.
  std::vector<std::vector<std::vector<Buffer<T>>>> shares_;  // [share][node][own weight]
  std::vector<std::vector<T>> gradients_;                    // by weight; empty where it is not trained
  std::vector<bool> direct_;                                 // by node: its tasks write to gradients_
  double forwardFlops_ = 0;                                  // of a panel
  struct Task {
    int node, task;
  };
  std::vector<Task> tasks_;
  double taskFlops_ = 0;  // of a panel
  std::vector<LayerTime> profile_;

  // The batch that is running.
  Batch batch_;
  StepContext context_;
  const Plan* plan_ = &inference_;
  std::size_t panelCount_ = 0;
};

}  // namespace qrkd::network
