// The loss of a batch: weighted terms on the network's outputs, with their gradients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "../relational.h"
#include "kernel_term.h"

namespace qrkd::network {

enum class TermKind { kCrossEntropy, kDistillation, kHidden, kDistance, kAngle, kKernel };

struct Term {
  TermKind kind = TermKind::kCrossEntropy;
  int output = 0;   ///< which of the network's outputs
  int target = -1;  ///< which of the teacher's matrices; -1 for cross-entropy
  double weight = 1;
  std::size_t rowsPerSample = 1;            ///< distance, angle, kernel: a sample's row is so many rows
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
  struct Batch;
  /// What a term keeps for itself.
  struct Work {
    std::unique_ptr<KernelTerm> kernel;
    std::vector<double> gradient, scratch;
    std::size_t zeroVectors = 0;
  };
  /// Terms that run one after another; groups may run beside each other. Relational terms of the same features share
  /// their distances.
  struct Group {
    std::vector<std::size_t> terms;
    std::unique_ptr<RelationalLosses> relational;
  };

  double flops(const Group& group, std::size_t samples) const;
  void run(Group& group, const Batch& batch, TermResult* results, Job& job);
  double value(const Group& group, std::size_t term, const Batch& batch, Job& job);

  std::vector<Term> terms_;
  std::vector<Work> work_;
  std::vector<Group> groups_;
};

}  // namespace qrkd::network
