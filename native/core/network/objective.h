// The loss of a batch: weighted terms on the network's outputs, with their gradients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernel_term.h"

namespace qrkd::network {

enum class TermKind { kCrossEntropy, kDistillation, kDistance, kAngle, kKernel };

struct Term {
  TermKind kind = TermKind::kCrossEntropy;
  int output = 0;   ///< which of the network's outputs
  int target = -1;  ///< which of the teacher's matrices; -1 for cross-entropy
  double weight = 1;
  double temperature = 1;                   ///< distillation
  MatrixLoss form = MatrixLoss::kSmoothL1;  ///< kernel
  double scale = 0;                         ///< kernel: mean pairwise distance; 0: features as they are
  KernelSide student, teacher;              ///< kernel
};

struct TermResult {
  double raw = 0, gradientNorm = 0;  ///< value of the term, Frobenius norm of its unweighted gradient
};

/// Evaluates the terms as src/losses/qrkd.ts does, in double. Memory is kept from call to call: one caller at a time.
class Objective {
 public:
  /// Throws std::invalid_argument for a kernel term without a kernel.
  explicit Objective(std::vector<Term> terms);

  const std::vector<Term>& terms() const { return terms_; }

  /// outputs: of the network, `samples` rows each; targets: the teacher's rows; labels: of the samples.
  /// Writes every output's gradient (zero where no term uses it) and one result a term. Returns the weighted sum. A
  /// term whose outputs are not finite is NaN. `zeroVectors` counts rows that an amplitude map could not encode.
  /// Throws std::invalid_argument for a label that is no class and where widths do not fit.
  double evaluate(std::size_t samples, const std::vector<Values>& outputs, const std::vector<Values>& targets,
                  const std::int32_t* labels, const std::vector<double*>& gradients, TermResult* results,
                  std::size_t& zeroVectors, Job& job);

 private:
  /// What a term keeps for itself, so that terms can run beside each other.
  struct Work {
    std::unique_ptr<KernelTerm> kernel;
    std::vector<double> gradient;
    std::size_t zeroVectors = 0;
  };

  double value(std::size_t term, std::size_t samples, const Values& output, const Values& target,
               const std::int32_t* labels, Job& job);

  std::vector<Term> terms_;
  std::vector<Work> work_;
};

}  // namespace qrkd::network
