// The loss of a batch: weighted terms on the network's outputs, with their gradients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../kernel.h"

namespace qrkd::network {

/// Row-major doubles [rows][columns].
struct Values {
  const double* data = nullptr;
  std::size_t columns = 0;
};

/// An affine map of features, (x - mean) A, A [in][out]; empty: features as they are.
struct Projection {
  std::vector<double> mean, matrix;
  std::size_t in = 0, out = 0;
  bool empty() const { return matrix.empty(); }
};

/// One side of a kernel term.
struct KernelSide {
  std::shared_ptr<Kernel<float>> float32;  // one of the two
  std::shared_ptr<Kernel<double>> float64;
  std::vector<double> parameters;
  Projection projection;
  bool amplitude = false;  // zero rows stand for |0...0>, without gradient, and are counted
};

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

/// Evaluates the terms as src/losses/qrkd.ts does, in double.
class Objective {
 public:
  explicit Objective(std::vector<Term> terms);

  const std::vector<Term>& terms() const { return terms_; }

  /// outputs: of the network, `samples` rows each; targets: the teacher's rows; labels: of the samples.
  /// Writes every output's gradient (zero where no term uses it) and one result a term. Returns the weighted sum. A
  /// term whose outputs are not finite is NaN. `zeroVectors` counts rows that an amplitude map could not encode.
  double evaluate(std::size_t samples, const std::vector<Values>& outputs, const std::vector<Values>& targets,
                  const std::int32_t* labels, const std::vector<double*>& gradients, TermResult* results,
                  std::size_t& zeroVectors, Job& job) const;

 private:
  std::vector<Term> terms_;
};

}  // namespace qrkd::network
