// Epochs of training, and evaluation: the loop around a network, its loss and its optimizer.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "network.h"
#include "objective.h"
#include "optimizer.h"
#include "token_loss.h"

namespace qrkd::network {

/// Samples that stay in memory for many epochs.
struct DataSet {
  struct Matrix {
    std::vector<float> values;
    std::size_t columns = 0;
  };
  std::size_t count = 0;
  std::vector<float> images;         // [count][size of the network's input]
  std::vector<std::int32_t> labels;  // one for each sample or token, [count][labels of a sample]; empty: none
  std::vector<Matrix> targets;       // outputs of the teacher, [count][columns]
};

/// A loss term, or its gradient, that is not finite: the weights are those of the step before.
struct NotFinite : std::runtime_error {
  NotFinite(std::size_t whichStep, std::size_t whichTerm, const TermResult& result)
      : std::runtime_error("a loss term is not finite"), step(whichStep), term(whichTerm), value(result) {}
  std::size_t step, term;  // step: within the call, from 0
  TermResult value;
};

/// Numbers of a step before those of its terms: loss, correct, zero vectors, gradient norm, milliseconds.
inline constexpr std::size_t kStepMetrics = 5;
/// Numbers of a term: raw value, gradient norm.
inline constexpr std::size_t kTermMetrics = 2;

struct TrainCall {
  const DataSet* data = nullptr;
  std::vector<std::uint32_t> order;  // rows of all batches, one after another
  std::size_t batchSize = 0;
  std::vector<double> learningRates;  // of every step
  std::uint64_t firstStep = 0;        // steps taken before this call
  bool alone = false;                 // on the calling thread only
};

template <class T>
class Trainer {
 public:
  /// Without terms it only evaluates.
  Trainer(Graph<T> graph, std::size_t maxBatch, std::vector<Term> terms, const OptimizerSpec& optimizer);

  Network<T>& network() { return network_; }
  Optimizer<T>& optimizer() { return optimizer_; }
  bool trains() const { return !terms_.empty(); }
  /// Whether the data have what the terms need.
  bool accepts(const DataSet& data) const;
  std::size_t metricsPerStep() const { return kStepMetrics + kTermMetrics * terms_.size(); }

  /// One step for each learning rate; metrics: [step][metricsPerStep()], written as steps end. Progress counts steps.
  /// Throws NotFinite, or Cancelled between two updates.
  void train(const TrainCall& call, double* metrics, Job& job);
  /// Tokens that count, and their cross-entropy, of the logits of `count` samples from `first` on, in inference mode;
  /// the data must have their labels.
  TokenResult evaluateTokens(const DataSet& data, std::size_t first, std::size_t count, bool alone, Job& job);
  /// Whether the first output is logits of every token, and the labels are theirs.
  bool labelsTokens(const DataSet& data) const;
  /// Outputs of `count` samples from `first` on, in inference mode: [sample][size] each.
  void evaluate(const DataSet& data, std::size_t first, std::size_t count, const std::vector<float*>& outputs,
                bool alone, Job& job);

 private:
  double step(const TrainCall& call, std::size_t index, double* metrics, Job& job);
  TokenResult evaluateTerms(const DataSet& data, const std::uint32_t* rows, std::size_t count, double& loss,
                            std::size_t& zeroVectors, Job& job);

  Network<T> network_;
  std::vector<Term> terms_;
  /// Of every term, its place among those of the objective; -1 for those that are computed in the panels.
  std::vector<int> places_;
  bool inPanels(std::size_t output) const;
  TokenLoss<T> tokenLoss_;
  Objective objective_;
  Optimizer<T> optimizer_;
  std::vector<std::size_t> trained_;  // weights
  std::vector<T*> gradients_;         // of the trained weights
  // Of the batch, by output or target; the views are what the objective reads and writes. Empty where only terms
  // in the panels read an output.
  std::vector<std::vector<double>> outputs_, outputGradients_, targets_;
  std::vector<Values> outputViews_, targetViews_;
  std::vector<double*> outputGradientViews_;
  std::vector<std::int32_t> labels_;
  std::vector<TermResult> rowResults_, results_;
};

}  // namespace qrkd::network
