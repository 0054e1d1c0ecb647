#include "trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "../thread_pool.h"

namespace qrkd::network {
namespace {

template <class T>
std::vector<Weight<T>*> trainedOf(Graph<T>& graph) {
  std::vector<Weight<T>*> trained;
  for (auto& weight : graph.weights) {
    if (weight->trainable) trained.push_back(weight.get());
  }
  return trained;
}

std::size_t countCorrect(const std::vector<double>& logits, std::size_t classes,
                         const std::vector<std::int32_t>& labels, std::size_t count) {
  std::size_t correct = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double* row = logits.data() + i * classes;
    correct += std::max_element(row, row + classes) - row == labels[i];
  }
  return correct;
}

}  // namespace

template <class T>
Trainer<T>::Trainer(Graph<T> graph, std::size_t maxBatch, std::vector<Term> terms, const OptimizerSpec& optimizer)
    : network_(std::move(graph), maxBatch, !terms.empty()),
      objective_(std::move(terms)),
      optimizer_(optimizer, objective_.terms().empty() ? std::vector<Weight<T>*>() : trainedOf(network_.graph())),
      results_(objective_.terms().size()) {
  if (objective_.terms().empty()) return;
  const Graph<T>& made = network_.graph();
  for (std::size_t w = 0; w < made.weights.size(); ++w) {
    if (!made.weights[w]->trainable) continue;
    trained_.push_back(w);
    gradients_.push_back(network_.gradient(w));
  }
  for (std::size_t o = 0; o < made.outputs.size(); ++o) {
    outputs_.emplace_back(maxBatch * network_.outputSize(o));
    outputGradients_.emplace_back(maxBatch * network_.outputSize(o));
    outputViews_.push_back({outputs_[o].data(), network_.outputSize(o)});
    outputGradientViews_.push_back(outputGradients_[o].data());
  }
  labels_.resize(maxBatch);
}

template <class T>
bool Trainer<T>::accepts(const DataSet& data) const {
  const auto classes = static_cast<std::int32_t>(network_.outputSize(0));
  const bool labelled = !data.labels.empty();
  for (const std::int32_t label : data.labels) {
    if (label < 0 || label >= classes) return false;
  }
  return std::all_of(objective_.terms().begin(), objective_.terms().end(), [&](const Term& term) {
    if (term.output < 0 || static_cast<std::size_t>(term.output) >= outputs_.size()) return false;
    if (term.kind == TermKind::kCrossEntropy) return labelled;
    return term.target >= 0 && static_cast<std::size_t>(term.target) < data.targets.size();
  });
}

template <class T>
void Trainer<T>::train(const TrainCall& call, double* metrics, Job& job) {
  std::optional<Sequential> alone;
  if (call.alone) alone.emplace();
  job.expect(static_cast<double>(call.learningRates.size()));
  targets_.resize(call.data->targets.size());
  targetViews_.clear();
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    targets_[t].resize(call.batchSize * call.data->targets[t].columns);
    targetViews_.push_back({targets_[t].data(), call.data->targets[t].columns});
  }
  for (std::size_t s = 0; s < call.learningRates.size(); ++s) {
    step(call, s, metrics + s * metricsPerStep(), job);
    job.advance(1);
  }
}

template <class T>
double Trainer<T>::step(const TrainCall& call, std::size_t index, double* metrics, Job& whole) {
  const auto start = std::chrono::steady_clock::now();
  Job job(whole);
  const DataSet& data = *call.data;
  const std::size_t count = call.batchSize;
  const std::uint32_t* rows = call.order.data() + index * count;
  network_.forward({data.images.data(), rows, 0, count}, {true, call.firstStep + index, count}, job);

  for (std::size_t o = 0; o < outputs_.size(); ++o) network_.readOutput(o, outputs_[o].data());
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const DataSet::Matrix& target = data.targets[t];
    for (std::size_t i = 0; i < count; ++i) {
      const float* row = target.values.data() + rows[i] * target.columns;
      std::copy(row, row + target.columns, targets_[t].data() + i * target.columns);
    }
  }
  for (std::size_t i = 0; i < count && !data.labels.empty(); ++i) labels_[i] = data.labels[rows[i]];

  std::size_t zeroVectors = 0;
  const double loss =
      objective_.evaluate(count, outputViews_, targetViews_, data.labels.empty() ? nullptr : labels_.data(),
                          outputGradientViews_, results_.data(), zeroVectors, job);
  for (std::size_t t = 0; t < results_.size(); ++t) {
    if (!std::isfinite(results_[t].raw) || !std::isfinite(results_[t].gradientNorm)) {
      throw NotFinite(index, t, results_[t]);
    }
  }
  for (std::size_t o = 0; o < outputs_.size(); ++o) network_.writeOutputGradient(o, outputGradients_[o].data());
  network_.backward(job);
  job.check();
  const double norm = optimizer_.step(call.learningRates[index], gradients_);
  network_.stepTaken();

  const std::size_t correct =
      data.labels.empty() ? 0 : countCorrect(outputs_[0], network_.outputSize(0), labels_, count);
  const double milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  double* to = metrics;
  for (const double value :
       {loss, static_cast<double>(correct), static_cast<double>(zeroVectors), norm, milliseconds}) {
    *to++ = value;
  }
  for (const TermResult& result : results_) {
    *to++ = result.raw;
    *to++ = result.gradientNorm;
  }
  return loss;
}

template <class T>
void Trainer<T>::evaluate(const DataSet& data, std::size_t first, std::size_t count, const std::vector<float*>& outputs,
                          bool alone, Job& whole) {
  std::optional<Sequential> sequential;
  if (alone) sequential.emplace();
  whole.expect(static_cast<double>(count));
  for (std::size_t done = 0; done < count;) {
    Job job(whole);
    const std::size_t part = std::min(network_.most(), count - done);
    network_.forward({data.images.data(), nullptr, first + done, part}, {false, 0, part}, job);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      network_.readOutput(o, outputs[o] + done * network_.outputSize(o));
    }
    done += part;
    whole.advance(static_cast<double>(part));
  }
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace qrkd::network
