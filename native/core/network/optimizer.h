// Optimizers, with tfjs's own formulas; a learning rate is given for every step, so that schedules are the caller's.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "../job.h"
#include "layer.h"

namespace qrkd::network {

struct OptimizerSpec {
  std::string name = "adam";                          ///< sgd, momentum, adam, adamw, rmsprop
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;  ///< adam, adamw (epsilon also rmsprop)
  double momentum = 0;                                ///< momentum, rmsprop
  bool nesterov = false;                              ///< momentum
  double decay = 0.9;                                 ///< rmsprop: rho
  double weightDecay = 0;                             ///< adamw, momentum, sgd: decoupled, w -= rate * weightDecay * w
  double clipNorm = 0;                                ///< gradients are scaled to at most this global norm; 0: no
  double clipValue = 0;                               ///< every component is clipped to +- this; 0: no
};

/// State and update of all trained weights.
template <class T>
class Optimizer {
 public:
  Optimizer(OptimizerSpec spec, std::vector<Weight<T>*> trained);

  /// One update; gradients [trained weight], changed by clipping. Returns the global norm before clipping. Large
  /// tensors are shared among threads by fixed parts; never cancelled half way.
  double step(double learningRate, const std::vector<T*>& gradients);

  /// Steps taken, and the moments [weight-major, then slot], for checkpoints.
  std::size_t steps() const { return steps_; }
  std::vector<std::vector<T>>& slots() { return slots_; }
  void restore(std::size_t steps) { steps_ = steps; }

 private:
  OptimizerSpec spec_;
  std::vector<Weight<T>*> trained_;
  std::vector<std::vector<T>> slots_;
  std::size_t steps_ = 0;
};

}  // namespace qrkd::network
