#include "optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "../isa.h"
#include "../job.h"
#include "../thread_pool.h"

namespace qrkd::network {
namespace {

// Values of a part: its weights, gradients and moments stay in L1 from the sum of squares to the update.
constexpr std::size_t kPart = 2048;

template <class T>
struct Rule {
  std::size_t slots;
  Update<T> OptimizerTable<T>::*update;
};

template <class T>
Rule<T> ruleOf(const std::string& name) {
  if (name == "sgd") return {0, &OptimizerTable<T>::sgd};
  if (name == "momentum") return {1, &OptimizerTable<T>::momentum};
  if (name == "adam" || name == "adamw") return {2, &OptimizerTable<T>::adam};
  if (name == "rmsprop") return {2, &OptimizerTable<T>::rmsProp};
  throw std::invalid_argument("there is no optimizer " + name);
}

}  // namespace

template <class T>
Optimizer<T>::Optimizer(OptimizerSpec spec, std::vector<Weight<T>*> trained)
    : spec_(std::move(spec)), trained_(std::move(trained)) {
  const Rule<T> rule = ruleOf<T>(spec_.name);
  kinds_ = rule.slots;
  update_ = rule.update;
  for (std::size_t w = 0; w < trained_.size(); ++w) {
    const std::size_t size = trained_[w]->value.size();
    for (std::size_t k = 0; k < kinds_; ++k) slots_.emplace_back(size, T(0));
    for (std::size_t first = 0; first < size; first += kPart) {
      parts_.push_back({w, first, std::min(kPart, size - first)});
    }
  }
  squares_.resize(parts_.size());
}

template <class T>
void Optimizer<T>::nextPowers() {
  power1_ *= static_cast<T>(spec_.beta1);
  power2_ *= static_cast<T>(spec_.beta2);
}

template <class T>
void Optimizer<T>::restore(std::size_t steps) {
  steps_ = steps;
  power1_ = power2_ = 1;
  for (std::size_t k = 0; k < steps; ++k) nextPowers();
}

template <class T>
double Optimizer<T>::step(double learningRate, const std::vector<T*>& gradients) {
  const OptimizerTable<T>& loops = networkKernels<T>().optimizer;
  ++steps_;
  nextPowers();
  const bool root = spec_.name == "rmsprop";
  const double beta2 = root ? spec_.decay : spec_.beta2;
  UpdateStep<T> step{};
  step.rate = static_cast<T>(learningRate);
  step.shrink = static_cast<T>(1 - learningRate * spec_.weightDecay);
  step.factor = 1;
  step.limit = spec_.clipValue > 0 ? static_cast<T>(spec_.clipValue) : std::numeric_limits<T>::infinity();
  step.momentum = static_cast<T>(spec_.momentum);
  step.nesterov = spec_.nesterov;
  step.beta1 = static_cast<T>(spec_.beta1);
  step.rest1 = static_cast<T>(1 - spec_.beta1);
  step.beta2 = static_cast<T>(beta2);
  step.rest2 = static_cast<T>(1 - beta2);
  step.correction1 = 1 / (1 - power1_);
  step.correction2 = 1 / (1 - power2_);
  step.epsilon = static_cast<T>(spec_.epsilon);

  std::size_t values = 0;
  for (const Part& part : parts_) values += part.count;
  // An update is not cut off half way, whatever becomes of the run.
  Job job;
  const auto measure = [&](std::size_t p) {
    const Part& part = parts_[p];
    squares_[p] = loops.squares(gradients[part.weight] + part.first, part.count);
  };
  const auto norm = [&] {
    double square = 0;
    for (const double s : squares_) square += s;
    return std::sqrt(square);
  };
  double total = 0;
  if (spec_.clipNorm > 0) {
    parallelFor(parts_.size(), 2.0 * static_cast<double>(values), job, [&](std::size_t p, int) { measure(p); });
    total = norm();
    // torch.nn.utils.clip_grad_norm_
    step.factor = static_cast<T>(std::min(1.0, spec_.clipNorm / (total + 1e-6)));
  }
  parallelFor(parts_.size(), 20.0 * static_cast<double>(values), job, [&](std::size_t p, int) {
    if (spec_.clipNorm == 0) measure(p);
    const Part& part = parts_[p];
    const auto slot = [&](std::size_t k) {
      return kinds_ > k ? slots_[part.weight * kinds_ + k].data() + part.first : nullptr;
    };
    (loops.*update_)(step, gradients[part.weight] + part.first, part.count,
                     trained_[part.weight]->value.data() + part.first, slot(0), slot(1));
  });
  return spec_.clipNorm > 0 ? total : norm();
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace qrkd::network
