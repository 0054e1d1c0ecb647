#include "network.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "../isa.h"
#include "../thread_pool.h"

namespace qrkd::network {
namespace {

// Parts of a batch whose weights' gradients are summed apart and then added in order: enough for the threads of a usual
// machine, and independent of their number.
constexpr std::size_t kShares = 16;

using Clock = std::chrono::steady_clock;

}  // namespace

template <class T>
Network<T>::Network(Graph<T> graph, std::size_t most, bool trains)
    : graph_(std::move(graph)),
      most_(most),
      threads_(static_cast<std::size_t>(threads())),
      inference_(makePlan<T>(graph_, false)) {
  if (trains) training_ = makePlan<T>(graph_, true);
  const std::size_t panels = panelCount<T>(most);
  for (std::size_t p = 0; p < panels; ++p) panels_.emplace_back(std::max(inference_.panelSize, training_.panelSize));
  workers_.resize(threads_);
  for (Worker& worker : workers_) worker.arena = Buffer<T>(std::max(inference_.workerSize, training_.workerSize));
  for (std::size_t n = 1; n < graph_.nodes.size(); ++n) {
    if (!graph_.nodes[n].layer) continue;
    graph_.nodes[n].layer->prepare(panels);
    forwardFlops_ += graph_.nodes[n].layer->flops();
  }
  if (trains) prepareGradients(std::min(kShares, panels));
  weightsChanged();
}

template <class T>
void Network<T>::prepareGradients(std::size_t shares) {
  gradients_.resize(graph_.weights.size());
  direct_.assign(graph_.nodes.size(), false);
  shares_.resize(shares);
  for (auto& share : shares_) share.resize(graph_.nodes.size());
  std::vector<int> users(graph_.weights.size(), 0);
  for (const Node<T>& node : graph_.nodes) {
    for (const int w : node.weights) ++users[static_cast<std::size_t>(w)];
  }
  for (std::size_t n = 1; n < graph_.nodes.size(); ++n) {
    const Node<T>& node = graph_.nodes[n];
    const int tasks = node.layer ? node.layer->gradientTasks() : 0;
    for (int t = 0; t < tasks; ++t) tasks_.push_back({static_cast<int>(n), t});
    if (tasks > 0) taskFlops_ += node.layer->flops();
    direct_[n] = tasks > 0 && std::all_of(node.weights.begin(), node.weights.end(),
                                          [&](int w) { return users[static_cast<std::size_t>(w)] == 1; });
    for (const int w : node.weights) {
      const Weight<T>& weight = *graph_.weights[static_cast<std::size_t>(w)];
      const std::size_t size = weight.trainable ? weight.value.size() : 0;
      gradients_[static_cast<std::size_t>(w)].assign(size, T(0));
      for (std::size_t s = 0; s < shares; ++s) {
        shares_[s][n].emplace_back(direct_[n] || (tasks > 0 && s > 0) ? 0 : size);
      }
    }
  }
}

template <class T>
void Network<T>::weightsChanged() {
  for (auto& node : graph_.nodes) {
    if (node.layer) node.layer->weightsChanged();
  }
}

template <class T>
T* Network<T>::at(const Place& place, std::size_t panel, Worker& worker) {
  switch (place.where) {
    case Place::kPanel:
      return panels_[panel].data() + place.offset;
    case Place::kWorker:
      return worker.arena.data() + place.offset;
    default:
      return nullptr;
  }
}

// [pixel and channel][lane] from rows of images; the lanes behind the last sample are zero.
template <class T>
void Network<T>::load(std::size_t panel, T* out) const {
  constexpr std::size_t W = kLanes<T>;
  const std::size_t size = node(0).shape.size();
  const std::size_t lanes = std::min(W, batch_.count - panel * W);
  if (lanes < W) std::fill(out, out + size * W, T(0));
  // Blocks of values small enough that the lines written stay in L1 while the samples pass.
  constexpr std::size_t kBlock = 64;
  for (std::size_t start = 0; start < size; start += kBlock) {
    const std::size_t end = std::min(size, start + kBlock);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const float* image = batch_.images + batch_.row(panel * W + lane) * size;
      for (std::size_t k = start; k < end; ++k) out[k * W + lane] = static_cast<T>(image[k]);
    }
  }
}

template <class T>
void Network<T>::step(const PlanStep& step, std::size_t panel, std::size_t share, Worker& worker) {
  const std::size_t n = static_cast<std::size_t>(step.node);
  T* output = at(plan_->activations[n], panel, worker);
  if (step.kind == PlanStep::kLoad) return load(panel, output);
  const Node<T>& node = graph_.nodes[n];
  PanelPass<T> pass{};
  pass.context = &context_;
  pass.panel = panel;
  pass.lanes = static_cast<int>(std::min<std::size_t>(kLanes<T>, batch_.count - panel * kLanes<T>));
  worker.inputs.clear();
  for (const int i : node.inputs)
    worker.inputs.push_back(at(plan_->activations[static_cast<std::size_t>(i)], panel, worker));
  pass.inputs = worker.inputs.data();
  pass.output = output;
  pass.kept = at(plan_->kept[n], panel, worker);
  pass.scratch = worker.arena.data() + plan_->scratch;
  if (step.kind == PlanStep::kBackward || step.kind == PlanStep::kBackwardStatistics) {
    pass.outputGradient = at(plan_->gradients[n], panel, worker);
    worker.weightGradients.clear();
    for (auto& part : shares_[share][n]) worker.weightGradients.push_back(part.data());
    pass.weightGradients = worker.weightGradients.data();
  }
  switch (step.kind) {
    case PlanStep::kForward:
      if (node.layer) node.layer->forward(pass);
      break;
    case PlanStep::kForwardStatistics:
      node.layer->forwardStatistics(pass);
      break;
    case PlanStep::kBackwardStatistics:
      node.layer->backwardStatistics(pass);
      break;
    default:
      backwardStep(step, pass, worker);
  }
}

template <class T>
void Network<T>::backwardStep(const PlanStep& step, PanelPass<T>& pass, Worker& worker) {
  const Node<T>& node = graph_.nodes[static_cast<std::size_t>(step.node)];
  worker.inputGradients.clear();
  T* sum = worker.arena.data() + plan_->sum;
  const auto add = [](const T* part, std::size_t size, T* to) {
    for (std::size_t k = 0; k < size; ++k) to[k] += part[k];
  };
  if (!node.layer) {
    const std::size_t input = static_cast<std::size_t>(node.inputs[0]);
    T* to = at(plan_->gradients[input], pass.panel, worker);
    const std::size_t size = node.shape.size() * kLanes<T>;
    if (to == nullptr || to == pass.outputGradient) return;
    if (step.adds[0]) return add(pass.outputGradient, size, to);
    std::copy(pass.outputGradient, pass.outputGradient + size, to);
    return;
  }
  // One gradient at most goes through `sum` in a call: the parts of a node that is an input twice are written one after
  // another.
  const std::size_t inputs = node.inputs.size();
  std::size_t first = 0;
  while (first < inputs) {
    worker.inputGradients.assign(inputs, nullptr);
    std::size_t next = first;
    bool used = false;
    for (; next < inputs; ++next) {
      T* to = at(plan_->gradients[static_cast<std::size_t>(node.inputs[next])], pass.panel, worker);
      if (to != nullptr && step.adds[next]) {
        if (used) break;
        used = true;
        worker.inputGradients[next] = sum;
      } else {
        worker.inputGradients[next] = to;
      }
    }
    pass.inputGradients = worker.inputGradients.data();
    pass.inputRectified = step.masksInput;
    pass.masked = step.masked;
    node.layer->backward(pass);
    for (std::size_t k = first; k < next; ++k) {
      if (worker.inputGradients[k] != sum) continue;
      const std::size_t input = static_cast<std::size_t>(node.inputs[k]);
      add(sum, graph_.nodes[input].shape.size() * kLanes<T>, at(plan_->gradients[input], pass.panel, worker));
    }
    first = next;
  }
}

template <class T>
void Network<T>::run(const Segment& segment, std::size_t panel, std::size_t share, int index) {
  Worker& worker = workers_[static_cast<std::size_t>(index)];
  for (const PlanStep& plan : segment.steps) {
    if (profile_.empty()) {
      step(plan, panel, share, worker);
      continue;
    }
    const auto start = Clock::now();
    step(plan, panel, share, worker);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    LayerTime& time =
        profile_[static_cast<std::size_t>(index) * graph_.nodes.size() + static_cast<std::size_t>(plan.node)];
    const bool back = plan.kind == PlanStep::kBackward || plan.kind == PlanStep::kBackwardStatistics;
    (back ? time.backward : time.forward) += seconds;
  }
}

template <class T>
void Network<T>::runAll(const std::vector<Segment>& segments, bool backward, Job& job) {
  const std::size_t shares = context_.training ? std::min(shares_.size(), panelCount_) : panelCount_;
  const double flops = forwardFlops_ * static_cast<double>(panelCount_) * (backward ? 2 : 1);
  for (const Segment& segment : segments) {
    parallelFor(shares, flops, job, [&](std::size_t share, int worker) {
      if (backward && &segment == &segments.front()) {
        for (auto& node : shares_[share]) {
          for (auto& part : node) std::fill(part.data(), part.data() + part.size(), T(0));
        }
      }
      const std::size_t last = (share + 1) * panelCount_ / shares;
      for (std::size_t panel = share * panelCount_ / shares; panel < last; ++panel) run(segment, panel, share, worker);
    });
    if (segment.combines < 0) continue;
    auto& layer = graph_.nodes[static_cast<std::size_t>(segment.combines)].layer;
    if (backward) {
      layer->combineBackward(context_);
    } else {
      layer->combineForward(context_);
    }
  }
}

template <class T>
void Network<T>::forward(const Batch& batch, const StepContext& context, Job& job) {
  batch_ = batch;
  context_ = context;
  context_.samples = batch.count;
  panelCount_ = qrkd::panelCount<T>(batch.count);
  plan_ = context.training ? &training_ : &inference_;
  runAll(plan_->forward, false, job);
}

template <class T>
template <class To>
void Network<T>::readOutput(std::size_t output, To* values) const {
  const std::size_t n = static_cast<std::size_t>(graph_.outputs[output]);
  const std::size_t size = graph_.nodes[n].shape.size();
  // Blocks of lines small enough to stay in L1 while the samples pass.
  constexpr std::size_t kBlock = 64;
  for (std::size_t i = 0; i < batch_.count; i += kLanes<T>) {
    const T* lines = panels_[i / kLanes<T>].data() + plan_->activations[n].offset;
    const std::size_t lanes = std::min<std::size_t>(kLanes<T>, batch_.count - i);
    for (std::size_t start = 0; start < size; start += kBlock) {
      const std::size_t end = std::min(size, start + kBlock);
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        To* to = values + (i + lane) * size;
        for (std::size_t k = start; k < end; ++k) to[k] = static_cast<To>(lines[k * kLanes<T> + lane]);
      }
    }
  }
}

template <class T>
T* Network<T>::outputLanes(std::size_t output, std::size_t panel) {
  return panels_[panel].data() + plan_->activations[static_cast<std::size_t>(graph_.outputs[output])].offset;
}

template <class T>
T* Network<T>::outputGradientLanes(std::size_t output, std::size_t panel) {
  const Place& place = plan_->gradients[static_cast<std::size_t>(graph_.outputs[output])];
  return place.where == Place::kNowhere ? nullptr : panels_[panel].data() + place.offset;
}

template <class T>
void Network<T>::writeOutputGradient(std::size_t output, const double* values, bool adds) {
  const std::size_t n = static_cast<std::size_t>(graph_.outputs[output]);
  if (plan_->gradients[n].where == Place::kNowhere) return;
  const std::size_t size = graph_.nodes[n].shape.size();
  for (std::size_t p = 0; p < panelCount_; ++p) {
    T* to = panels_[p].data() + plan_->gradients[n].offset;
    for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
      const std::size_t i = p * kLanes<T> + lane;
      for (std::size_t k = 0; k < size; ++k) {
        const T value = i < batch_.count ? static_cast<T>(values[i * size + k]) : T(0);
        T& at = to[k * kLanes<T> + lane];
        at = adds ? at + value : value;
      }
    }
  }
}

template <class T>
void Network<T>::clearOutputGradient(std::size_t output) {
  for (std::size_t p = 0; p < panelCount_; ++p) {
    T* to = outputGradientLanes(output, p);
    if (to != nullptr) std::fill(to, to + outputSize(output) * kLanes<T>, T(0));
  }
}

template <class T>
void Network<T>::backward(Job& job) {
  runAll(plan_->backward, true, job);
  addTasks(job);
  addShares();
}

template <class T>
void Network<T>::addTasks(Job& job) {
  if (tasks_.empty()) return;
  parallelFor(tasks_.size(), taskFlops_ * static_cast<double>(panelCount_), job, [&](std::size_t t, int index) {
    const Node<T>& node = graph_.nodes[static_cast<std::size_t>(tasks_[t].node)];
    if (!node.differentiable) return;
    Worker& worker = workers_[static_cast<std::size_t>(index)];
    worker.inputs.clear();
    const Place& place = plan_->activations[static_cast<std::size_t>(node.inputs[0])];
    for (std::size_t p = 0; p < panelCount_; ++p) worker.inputs.push_back(at(place, p, worker));
    worker.weightGradients.clear();
    for (std::size_t k = 0; k < node.weights.size(); ++k) {
      worker.weightGradients.push_back(taskGradient(static_cast<std::size_t>(tasks_[t].node), k));
    }
    node.layer->gradientTask(tasks_[t].task, panelCount_, worker.inputs.data(), worker.weightGradients.data());
  });
}

// Where the tasks of a node write the gradient of one of its weights; null where it is not trained.
template <class T>
T* Network<T>::taskGradient(std::size_t n, std::size_t own) {
  std::vector<T>& gradient = gradients_[static_cast<std::size_t>(graph_.nodes[n].weights[own])];
  if (gradient.empty()) return nullptr;
  return direct_[n] ? gradient.data() : shares_[0][n][own].data();
}

template <class T>
void Network<T>::addShares() {
  const std::size_t shares = std::min(shares_.size(), panelCount_);
  std::vector<bool> begun(gradients_.size(), false);
  for (std::size_t n = 1; n < graph_.nodes.size(); ++n) {
    const Node<T>& node = graph_.nodes[n];
    for (std::size_t k = 0; !direct_[n] && k < node.weights.size(); ++k) {
      const std::size_t w = static_cast<std::size_t>(node.weights[k]);
      std::vector<T>& gradient = gradients_[w];
      if (!begun[w]) std::fill(gradient.begin(), gradient.end(), T(0));
      begun[w] = true;
      for (std::size_t s = 0; s < shares; ++s) {
        const Buffer<T>& part = shares_[s][n][k];
        for (std::size_t i = 0; i < part.size(); ++i) gradient[i] += part[i];
      }
    }
  }
}

template <class T>
void Network<T>::stepTaken() {
  for (auto& node : graph_.nodes) {
    if (!node.layer) continue;
    node.layer->stepTaken();
    node.layer->weightsChanged();
  }
}

template <class T>
std::vector<LayerTime> Network<T>::profile() const {
  std::vector<LayerTime> total(graph_.nodes.size());
  for (std::size_t k = 0; k < profile_.size(); ++k) {
    total[k % total.size()].forward += profile_[k].forward;
    total[k % total.size()].backward += profile_[k].backward;
  }
  return total;
}

template <class T>
std::size_t Network<T>::arenaBytes() const {
  std::size_t scalars = 0;
  for (const auto& panel : panels_) scalars += panel.size();
  for (const auto& worker : workers_) scalars += worker.arena.size();
  return sizeof(T) * scalars;
}

template class Network<float>;
template class Network<double>;
template void Network<float>::readOutput<float>(std::size_t, float*) const;
template void Network<float>::readOutput<double>(std::size_t, double*) const;
template void Network<double>::readOutput<float>(std::size_t, float*) const;
template void Network<double>::readOutput<double>(std::size_t, double*) const;

}  // namespace qrkd::network
