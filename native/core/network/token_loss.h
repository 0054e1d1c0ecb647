// Losses of every token of a batch of sequences, where the network's values lie: in the lanes of its panels.
//
// Copied out row by row, the logits of a batch would be read and written several times more, as doubles.
#pragma once

#include <cstdint>
#include <vector>

#include "../kernels/network.h"
#include "network.h"

namespace qrkd::network {

/// Which terms there are; both are means over the tokens whose label is not negative.
struct TokenTerms {
  bool crossEntropy = false, distillation = false;
  double crossEntropyWeight = 0, distillationWeight = 0, temperature = 1;
};

struct TokenResult {
  double counted = 0, correct = 0;            ///< tokens with a label, and those whose first largest logit it is
  double crossEntropy = 0, distillation = 0;  ///< means, in nats; evaluation gives the first always
  double crossEntropyNorm = 0, distillationNorm = 0;  ///< of the unweighted gradients
};

/// The rows of a batch: where its labels and the teacher's logits are.
struct TokenBatch {
  const std::int32_t* labels = nullptr;  ///< [sample of the batch][token]; negative ones do not count
  std::vector<const float*> teacher;     ///< of each sample, [token][class]; empty without distillation
  std::size_t samples = 0;
};

template <class T>
class TokenLoss {
 public:
  explicit TokenLoss(const TokenTerms& terms = {}) : terms_(terms) {}

  /// The terms' values on an output of the last forward pass; with `gradient` also their weighted gradients, which may
  /// take the output's place.
  TokenResult evaluate(Network<T>& network, std::size_t output, const TokenBatch& batch, bool gradient, Job& job);

 private:
  /// Sums over the tokens of one task: counted, correct, then values and squared norms without common factors.
  struct Sums {
    double counted = 0, correct = 0, crossEntropy = 0, distillation = 0, crossEntropySquare = 0, distillationSquare = 0;
  };
  struct Task;
  void token(const Task& task, std::size_t token, Sums& sums);

  TokenTerms terms_;
  std::vector<Buffer<T>> scratch_;  // by worker
};

}  // namespace qrkd::network
