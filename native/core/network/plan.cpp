#include "plan.h"

#include <algorithm>
#include <limits>

namespace qrkd::network {
namespace {

constexpr int kNever = std::numeric_limits<int>::max();

// A value while its life is being found out. Values that share memory point to one of them.
struct Value {
  int first = kNever, last = -1;
  std::size_t size = 0;
  int sameAs = -1;

  void use(int time) {
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

template <class T>
class Planner {
 public:
  Planner(const Graph<T>& graph, bool training)
      : graph_(graph), training_(training), count_(static_cast<int>(graph.nodes.size())) {
    activations_.resize(graph.nodes.size());
    gradients_.resize(graph.nodes.size());
    kept_.resize(graph.nodes.size());
    forwardTime_.resize(graph.nodes.size(), -1);
    backwardTime_.resize(graph.nodes.size(), -1);
  }

  Plan make() {
    findNeeded();
    timeline();
    shareActivations();
    liveActivations();
    if (training_) {
      liveGradients();
      reuseOutputs();
    }
    allocate();
    return std::move(plan_);
  }

 private:
  const Node<T>& node(int n) const { return graph_.nodes[static_cast<std::size_t>(n)]; }
  bool synchronises(int n) const { return training_ && node(n).layer && node(n).layer->synchronises(); }
  // Nodes through which some output's gradient flows.
  bool goesBack(int n) const { return training_ && reached_[static_cast<std::size_t>(n)] && node(n).differentiable; }
  bool isOutput(int n) const {
    return std::find(graph_.outputs.begin(), graph_.outputs.end(), n) != graph_.outputs.end();
  }

  void findNeeded() {
    reached_.assign(graph_.nodes.size(), false);
    for (const int o : graph_.outputs) reached_[static_cast<std::size_t>(o)] = true;
    for (int n = count_ - 1; n > 0; --n) {
      if (!reached_[static_cast<std::size_t>(n)]) continue;
      for (const int i : node(n).inputs) reached_[static_cast<std::size_t>(i)] = true;
    }
  }

  void begin(std::vector<Segment>& segments) {
    segments.emplace_back();
    ++segment_;
  }

  int add(std::vector<Segment>& segments, PlanStep step) {
    segments.back().steps.push_back(std::move(step));
    segmentOf_.push_back(segment_);
    return static_cast<int>(segmentOf_.size()) - 1;
  }

  void timeline() {
    begin(plan_.forward);
    forwardTime_[0] = add(plan_.forward, {PlanStep::kLoad, 0});
    for (int n = 1; n < count_; ++n) {
      if (!reached_[static_cast<std::size_t>(n)]) continue;
      if (synchronises(n)) {
        statisticsTime_[n] = add(plan_.forward, {PlanStep::kForwardStatistics, n});
        plan_.forward.back().combines = n;
        begin(plan_.forward);
      }
      forwardTime_[static_cast<std::size_t>(n)] = add(plan_.forward, {PlanStep::kForward, n});
    }
    // The outputs are read, and their gradients written, in a segment of its own.
    ++segment_;
    segmentOf_.push_back(segment_);
    lossTime_ = static_cast<int>(segmentOf_.size()) - 1;
    if (!training_) return;
    begin(plan_.backward);
    for (int n = count_ - 1; n > 0; --n) {
      if (!goesBack(n)) continue;
      if (synchronises(n)) {
        backwardStatisticsTime_[n] = add(plan_.backward, {PlanStep::kBackwardStatistics, n});
        plan_.backward.back().combines = n;
        begin(plan_.backward);
      }
      backwardTime_[static_cast<std::size_t>(n)] = add(plan_.backward, {PlanStep::kBackward, n});
    }
    end_ = static_cast<int>(segmentOf_.size());
    segmentOf_.push_back(segment_ + 1);  // gradient tasks, after the last barrier
  }

  // Times at which node i's activation is read, other than by `except`'s forward pass.
  int lastRead(int i, int except) const {
    int last = -1;
    for (int n = 1; n < count_; ++n) {
      const Node<T>& reader = node(n);
      if (!reached_[static_cast<std::size_t>(n)] ||
          std::find(reader.inputs.begin(), reader.inputs.end(), i) == reader.inputs.end()) {
        continue;
      }
      if (n != except) last = std::max(last, forwardTime_[static_cast<std::size_t>(n)]);
      if (goesBack(n) && reader.layer) {
        if (reader.layer->readsInputs()) last = std::max(last, backwardTime_[static_cast<std::size_t>(n)]);
        if (reader.layer->gradientTasks() > 0) last = std::max(last, end_);
      }
    }
    if (goesBack(i) && node(i).layer && node(i).layer->readsOutput()) {
      last = std::max(last, backwardTime_[static_cast<std::size_t>(i)]);
    }
    if (isOutput(i)) last = std::max(last, lossTime_);
    return last;
  }

  int root(const std::vector<Value>& values, int n) const {
    while (values[static_cast<std::size_t>(n)].sameAs >= 0) n = values[static_cast<std::size_t>(n)].sameAs;
    return n;
  }

  void shareActivations() {
    for (int n = 1; n < count_; ++n) {
      if (!reached_[static_cast<std::size_t>(n)]) continue;
      const int input = node(n).inputs[0];
      if (!node(n).layer) {
        activations_[static_cast<std::size_t>(n)].sameAs = input;
        continue;
      }
      if (!node(n).layer->inPlace() || root(activations_, input) == 0) continue;
      const int shared = root(activations_, input);
      bool free = true;
      for (int m = 0; m < n && free; ++m) {
        if (!reached_[static_cast<std::size_t>(m)] || root(activations_, m) != shared) continue;
        free = lastRead(m, n) < forwardTime_[static_cast<std::size_t>(n)];
      }
      // An input that comes twice would be overwritten before it is read the second time.
      free = free && std::count(node(n).inputs.begin(), node(n).inputs.end(), input) == 1;
      for (std::size_t k = 1; k < node(n).inputs.size(); ++k)
        free = free && root(activations_, node(n).inputs[k]) != shared;
      if (free) activations_[static_cast<std::size_t>(n)].sameAs = input;
    }
  }

  void liveActivations() {
    for (int n = 0; n < count_; ++n) {
      if (!reached_[static_cast<std::size_t>(n)]) continue;
      Value& value = activations_[static_cast<std::size_t>(root(activations_, n))];
      value.size = std::max(value.size, node(n).shape.size() * kLanes<T>);
      value.use(forwardTime_[static_cast<std::size_t>(n)]);
      const int last = lastRead(n, -1);
      if (last >= 0) value.use(last);
      Value& kept = kept_[static_cast<std::size_t>(n)];
      if (node(n).layer && node(n).layer->keptSize() > 0) {
        kept.size = node(n).layer->keptSize();
        const auto statistics = statisticsTime_.find(n);
        kept.use(statistics == statisticsTime_.end() ? forwardTime_[static_cast<std::size_t>(n)] : statistics->second);
        kept.use(forwardTime_[static_cast<std::size_t>(n)]);
        if (goesBack(n)) kept.use(backwardTime_[static_cast<std::size_t>(n)]);
      }
    }
  }

  // Whether the mask of a rectifying node can be left to the only writer of its gradient.
  bool rectifiedFor(int i, const std::vector<int>& writers) const {
    return goesBack(i) && node(i).layer && node(i).layer->rectifies() && writers[static_cast<std::size_t>(i)] == 1;
  }

  void liveGradients() {
    // Who writes each node's gradient, in time: the loss first.
    std::vector<int> writers(graph_.nodes.size(), 0);
    for (const int o : graph_.outputs) {
      if (!goesBack(o)) continue;
      if (writers[static_cast<std::size_t>(o)]++ == 0) gradients_[static_cast<std::size_t>(o)].use(lossTime_);
    }
    std::vector<int> all = writers;
    std::vector<bool> masked(graph_.nodes.size(), false);
    for (int n = 1; n < count_; ++n) {
      if (!goesBack(n)) continue;
      for (const int i : node(n).inputs) ++all[static_cast<std::size_t>(i)];
    }
    for (Segment& segment : plan_.backward) {
      for (PlanStep& step : segment.steps) {
        const int n = step.node;
        const int time = backwardTime_[static_cast<std::size_t>(n)];
        if (step.kind != PlanStep::kBackward) continue;
        Value& own = gradients_[static_cast<std::size_t>(root(gradients_, n))];
        own.size = std::max(own.size, node(n).shape.size() * kLanes<T>);
        own.use(time);
        const auto statistics = backwardStatisticsTime_.find(n);
        if (statistics != backwardStatisticsTime_.end()) own.use(statistics->second);
        const std::vector<int>& inputs = node(n).inputs;
        for (const int i : inputs) step.adds.push_back(writers[static_cast<std::size_t>(i)]++ > 0);
        step.masked = masked[static_cast<std::size_t>(n)];
        step.masksInput = node(n).layer && node(n).layer->masksInput() && rectifiedFor(inputs[0], all);
        if (step.masksInput) masked[static_cast<std::size_t>(inputs[0])] = true;
        for (std::size_t k = 0; k < inputs.size(); ++k) {
          const int i = inputs[k];
          if (!goesBack(i)) continue;
          // Only where nothing has to be added: that may take a second call of the layer with the same output gradient.
          const bool alone =
              all[static_cast<std::size_t>(i)] == 1 && std::count(step.adds.begin(), step.adds.end(), true) == 0;
          if (k == 0 && alone && (!node(n).layer || node(n).layer->inPlace())) {
            gradients_[static_cast<std::size_t>(i)].sameAs = n;
          } else {
            gradients_[static_cast<std::size_t>(i)].use(time);
            if (step.adds[k]) sumSize_ = std::max(sumSize_, node(i).shape.size() * kLanes<T>);
          }
        }
      }
    }
  }

  // The gradient of an output that nothing reads after the loss takes the output's place: logits of tokens are the
  // largest values of a network.
  void reuseOutputs() {
    for (const int o : graph_.outputs) {
      Value& gradient = gradients_[static_cast<std::size_t>(o)];
      const int shared = root(activations_, o);
      if (!goesBack(o) || gradient.sameAs >= 0 || gradient.first != lossTime_ || shared == 0) continue;
      bool free = std::count(graph_.outputs.begin(), graph_.outputs.end(), o) == 1;
      for (int m = 0; m < count_ && free; ++m) {
        if (!reached_[static_cast<std::size_t>(m)] || root(activations_, m) != shared) continue;
        free = lastRead(m, -1) <= lossTime_ && (m == o || !isOutput(m));
      }
      if (!free) continue;
      Value& activation = activations_[static_cast<std::size_t>(shared)];
      activation.use(gradient.last);
      activation.size = std::max(activation.size, gradient.size);
      gradient = Value{};
      reused_.push_back(o);
    }
  }

  void allocate() {
    for (int n = 0; n < count_; ++n) {
      if (node(n).layer) scratchSize_ = std::max(scratchSize_, node(n).layer->scratchSize());
    }
    std::vector<Lifetime> lives[2];  // in panels, in workers
    std::vector<std::pair<std::vector<Place>*, std::size_t>> owners[2];
    const auto collect = [&](const std::vector<Value>& values, std::vector<Place>& places) {
      places.resize(values.size());
      for (std::size_t v = 0; v < values.size(); ++v) {
        const Value& value = values[v];
        if (value.sameAs >= 0 || value.last < 0) continue;
        const bool within =
            segmentOf_[static_cast<std::size_t>(value.first)] == segmentOf_[static_cast<std::size_t>(value.last)];
        const int where = within ? 1 : 0;
        lives[where].push_back({value.first, value.last, value.size});
        owners[where].push_back({&places, v});
      }
    };
    collect(activations_, plan_.activations);
    collect(gradients_, plan_.gradients);
    collect(kept_, plan_.kept);
    for (int where = 0; where < 2; ++where) {
      std::size_t total = 0;
      const auto offsets = place(lives[where], kLanes<T>, total);
      for (std::size_t k = 0; k < offsets.size(); ++k) {
        (*owners[where][k].first)[owners[where][k].second] = {where == 0 ? Place::kPanel : Place::kWorker, offsets[k]};
      }
      (where == 0 ? plan_.panelSize : plan_.workerSize) = lines(total);
    }
    plan_.scratch = plan_.workerSize;
    plan_.sum = plan_.scratch + lines(scratchSize_);
    plan_.workerSize = plan_.sum + lines(sumSize_);
    const auto follow = [&](const std::vector<Value>& values, std::vector<Place>& places) {
      for (int n = 0; n < count_; ++n) {
        places[static_cast<std::size_t>(n)] = places[static_cast<std::size_t>(root(values, n))];
      }
    };
    follow(activations_, plan_.activations);
    for (const int o : reused_) {
      plan_.gradients[static_cast<std::size_t>(o)] = plan_.activations[static_cast<std::size_t>(o)];
    }
    follow(gradients_, plan_.gradients);
  }

  static std::size_t lines(std::size_t scalars) { return (scalars + kLanes<T> - 1) / kLanes<T> * kLanes<T>; }

  const Graph<T>& graph_;
  const bool training_;
  const int count_;
  Plan plan_;
  std::vector<bool> reached_;
  std::vector<Value> activations_, gradients_, kept_;
  std::vector<int> reused_;  // outputs whose gradients lie where they lay
  std::vector<int> forwardTime_, backwardTime_, segmentOf_;
  std::map<int, int> statisticsTime_, backwardStatisticsTime_;
  int segment_ = -1, lossTime_ = 0, end_ = 0;
  std::size_t scratchSize_ = 0, sumSize_ = 0;
};

}  // namespace

template <class T>
Plan makePlan(const Graph<T>& graph, bool training) {
  return Planner<T>(graph, training).make();
}
template Plan makePlan<float>(const Graph<float>&, bool);
template Plan makePlan<double>(const Graph<double>&, bool);

}  // namespace qrkd::network
