// Optimizers, with tfjs's own formulas; a learning rate is given for every step, so that schedules are the caller's.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "../kernels/network.h"
#include "layer.h"

namespace qrkd::network {

struct OptimizerSpec {
  std::string name = "adam";                          ///< sgd, momentum, adam, adamw, rmsprop
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;  ///< adam, adamw (epsilon also rmsprop, under the root)
  double momentum = 0;                                ///< momentum, rmsprop
  bool nesterov = false;                              ///< momentum
  double decay = 0.9;                                 ///< rmsprop: of the mean square
  double weightDecay = 0;                             ///< all: first w *= 1 - rate * weightDecay
  double clipNorm = 0;                                ///< gradients are scaled to at most this global norm; 0: no
  double clipValue = 0;                               ///< every component is clipped to +- this; 0: no
};

/// State and update of all trained weights.
template <class T>
class Optimizer {
 public:
  /// Throws std::invalid_argument for a name that is not listed.
  Optimizer(OptimizerSpec spec, std::vector<Weight<T>*> trained);

  /// One update; gradients: [trained weight]. Returns their global norm before clipping.
  double step(double learningRate, const std::vector<T*>& gradients);

  /// Steps taken, and the moments [weight-major, then slot], for checkpoints.
  std::size_t steps() const { return steps_; }
  std::vector<std::vector<T>>& slots() { return slots_; }
  /// After `slots` were filled from a checkpoint.
  void restore(std::size_t steps);

 private:
  /// Neighbouring values of one weight that are updated together: what one thread does at a time.
  struct Part {
    std::size_t weight, first, count;
  };

  void nextPowers();

  OptimizerSpec spec_;
  std::vector<Weight<T>*> trained_;
  std::vector<std::vector<T>> slots_;
  std::size_t kinds_;  // slots of a weight
  Update<T> OptimizerTable<T>::*update_;
  std::vector<Part> parts_;
  std::vector<double> squares_;  // of the gradient, of every part
  std::size_t steps_ = 0;
  T power1_ = 1, power2_ = 1;  // beta1, beta2 to the power of steps_: multiplied up in T, as tfjs does
};

}  // namespace qrkd::network
