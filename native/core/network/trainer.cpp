#include "trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "../thread_pool.h"
#include "hidden_loss.h"

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

bool isOfTokens(const Term& term, const Shape& output) {
  return (term.kind == TermKind::kCrossEntropy || term.kind == TermKind::kDistillation) && output.pixels() > 1;
}

template <class T>
Shape shapeOf(const Graph<T>& graph, int output) {
  return graph.nodes[static_cast<std::size_t>(graph.outputs.at(static_cast<std::size_t>(output)))].shape;
}

// Terms that are computed where the network's values lie.
bool isInPanels(const Term& term, const Shape& output) {
  return term.kind == TermKind::kHidden || isOfTokens(term, output);
}

template <class T>
std::vector<Term> termsOfRows(const Graph<T>& graph, const std::vector<Term>& terms) {
  std::vector<Term> rows;
  for (const Term& term : terms) {
    if (!isInPanels(term, shapeOf(graph, term.output))) rows.push_back(term);
    const auto same = [&](const Term& other) { return &other != &term && other.output == term.output; };
    if (term.kind == TermKind::kHidden && std::any_of(terms.begin(), terms.end(), [&](const Term& other) {
          return same(other) && isInPanels(other, shapeOf(graph, other.output));
        })) {
      throw std::invalid_argument("hidden states must be an output of their own");
    }
  }
  return rows;
}

template <class T>
TokenTerms termsOfTokens(const Graph<T>& graph, const std::vector<Term>& terms) {
  TokenTerms tokens;
  for (const Term& term : terms) {
    if (!isOfTokens(term, shapeOf(graph, term.output))) continue;
    bool& has = term.kind == TermKind::kCrossEntropy ? tokens.crossEntropy : tokens.distillation;
    if (has || term.output != 0) throw std::invalid_argument("terms of tokens: one of each kind, on the first output");
    has = true;
    (term.kind == TermKind::kCrossEntropy ? tokens.crossEntropyWeight : tokens.distillationWeight) = term.weight;
    if (term.kind == TermKind::kDistillation) tokens.temperature = term.temperature;
  }
  return tokens;
}

}  // namespace

template <class T>
Trainer<T>::Trainer(Graph<T> graph, std::size_t maxBatch, std::vector<Term> terms, const OptimizerSpec& optimizer)
    : network_(std::move(graph), maxBatch, !terms.empty()),
      terms_(std::move(terms)),
      tokenLoss_(termsOfTokens(network_.graph(), terms_)),
      objective_(termsOfRows(network_.graph(), terms_)),
      optimizer_(optimizer, terms_.empty() ? std::vector<Weight<T>*>() : trainedOf(network_.graph())),
      rowResults_(objective_.terms().size()),
      results_(terms_.size()) {
  if (terms_.empty()) return;
  const Graph<T>& made = network_.graph();
  for (std::size_t w = 0; w < made.weights.size(); ++w) {
    if (!made.weights[w]->trainable) continue;
    trained_.push_back(w);
    gradients_.push_back(network_.gradient(w));
  }
  int place = 0;
  for (const Term& term : terms_) places_.push_back(isInPanels(term, shapeOf(made, term.output)) ? -1 : place++);
  for (std::size_t o = 0; o < made.outputs.size(); ++o) {
    // The logits of samples tell which are classified correctly, whatever the terms are.
    const bool byRows = (o == 0 && network_.outputShape(o).pixels() == 1) ||
                        std::any_of(objective_.terms().begin(), objective_.terms().end(),
                                    [&](const Term& term) { return term.output == static_cast<int>(o); });
    const std::size_t columns = byRows ? network_.outputSize(o) : 0;
    outputs_.emplace_back(maxBatch * columns);
    outputGradients_.emplace_back(maxBatch * columns);
    outputViews_.push_back({outputs_[o].data(), columns});
    outputGradientViews_.push_back(outputGradients_[o].data());
  }
}

// Whether a term in the panels writes the gradient of an output.
template <class T>
bool Trainer<T>::inPanels(std::size_t output) const {
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    if (places_[t] < 0 && terms_[t].output == static_cast<int>(output)) return true;
  }
  return false;
}

template <class T>
bool Trainer<T>::labelsTokens(const DataSet& data) const {
  const Shape& shape = network_.outputShape(0);
  return shape.pixels() > 1 && data.labels.size() == data.count * shape.pixels();
}

template <class T>
bool Trainer<T>::accepts(const DataSet& data) const {
  const bool tokens = labelsTokens(data);
  const auto classes = tokens ? static_cast<std::int32_t>(network_.outputShape(0).channels)
                              : static_cast<std::int32_t>(network_.outputSize(0));
  const bool ofSamples = data.labels.size() == data.count && network_.outputShape(0).pixels() == 1;
  if (!data.labels.empty() && !tokens && !ofSamples) return false;
  for (const std::int32_t label : data.labels) {
    if ((label < 0 && !tokens) || label >= classes) return false;
  }
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    if (term.output < 0 || static_cast<std::size_t>(term.output) >= outputs_.size()) return false;
    const bool ofTokens = isOfTokens(term, network_.outputShape(static_cast<std::size_t>(term.output)));
    // Terms of tokens read from their labels which of them count.
    if (ofTokens && !tokens) return false;
    if (term.kind == TermKind::kCrossEntropy) return !data.labels.empty();
    if (term.target < 0 || static_cast<std::size_t>(term.target) >= data.targets.size()) return false;
    return !isInPanels(term, network_.outputShape(static_cast<std::size_t>(term.output))) ||
           data.targets[static_cast<std::size_t>(term.target)].columns ==
               network_.outputSize(static_cast<std::size_t>(term.output));
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
    const bool byRows = std::any_of(objective_.terms().begin(), objective_.terms().end(),
                                    [&](const Term& term) { return term.target == static_cast<int>(t); });
    const std::size_t columns = byRows ? call.data->targets[t].columns : 0;
    targets_[t].resize(call.batchSize * columns);
    targetViews_.push_back({targets_[t].data(), columns});
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

  double loss = 0;
  std::size_t zeroVectors = 0;
  const TokenResult tokens = evaluateTerms(data, rows, count, loss, zeroVectors, job);
  for (std::size_t t = 0; t < results_.size(); ++t) {
    if (!std::isfinite(results_[t].raw) || !std::isfinite(results_[t].gradientNorm)) {
      throw NotFinite(index, t, results_[t]);
    }
  }
  network_.backward(job);
  job.check();
  const double norm = optimizer_.step(call.learningRates[index], gradients_);
  network_.stepTaken();

  const double correct = data.labels.empty() ? 0
                         : labelsTokens(data)
                             ? tokens.correct
                             : static_cast<double>(countCorrect(outputs_[0], network_.outputSize(0), labels_, count));
  const double milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  double* to = metrics;
  for (const double value : {loss, correct, static_cast<double>(zeroVectors), norm, milliseconds}) {
    *to++ = value;
  }
  for (const TermResult& result : results_) {
    *to++ = result.raw;
    *to++ = result.gradientNorm;
  }
  return loss;
}

// Values and gradients of all terms; the gradients are where the backward pass begins.
template <class T>
TokenResult Trainer<T>::evaluateTerms(const DataSet& data, const std::uint32_t* rows, std::size_t count, double& loss,
                                      std::size_t& zeroVectors, Job& job) {
  const std::size_t each = data.labels.size() / data.count;
  labels_.resize(count * each);
  for (std::size_t i = 0; i < count; ++i) {
    const auto from = data.labels.begin() + static_cast<std::ptrdiff_t>(rows[i] * each);
    std::copy(from, from + static_cast<std::ptrdiff_t>(each), labels_.begin() + static_cast<std::ptrdiff_t>(i * each));
  }
  for (std::size_t o = 0; o < outputs_.size(); ++o) {
    if (!outputs_[o].empty()) network_.readOutput(o, outputs_[o].data());
  }
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const DataSet::Matrix& target = data.targets[t];
    for (std::size_t i = 0; i < count && !targets_[t].empty(); ++i) {
      const float* row = target.values.data() + rows[i] * target.columns;
      std::copy(row, row + target.columns, targets_[t].data() + i * target.columns);
    }
  }
  loss = objective_.evaluate(count, outputViews_, targetViews_, data.labels.empty() ? nullptr : labels_.data(),
                             outputGradientViews_, rowResults_.data(), zeroVectors, job);
  const auto teacherRows = [&](const Term& term) {
    const DataSet::Matrix& target = data.targets[static_cast<std::size_t>(term.target)];
    std::vector<const float*> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(target.values.data() + rows[i] * target.columns);
    return all;
  };
  const bool ofTokens = labelsTokens(data);
  TokenResult tokens;
  if (ofTokens) {
    TokenBatch batch{labels_.data(), {}, count};
    for (const Term& term : terms_) {
      if (term.kind == TermKind::kDistillation) batch.teacher = teacherRows(term);
    }
    tokens = tokenLoss_.evaluate(network_, 0, batch, true, job);
  }
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    if (terms_[t].kind != TermKind::kHidden) continue;
    const auto output = static_cast<std::size_t>(terms_[t].output);
    const bool labelled = ofTokens && network_.outputShape(output).pixels() == network_.outputShape(0).pixels();
    const TokenBatch batch{labelled ? labels_.data() : nullptr, teacherRows(terms_[t]), count};
    results_[t] = hiddenLoss(network_, output, batch, terms_[t].weight, job);
  }
  for (std::size_t o = 0; o < outputs_.size(); ++o) {
    if (!outputs_[o].empty()) {
      network_.writeOutputGradient(o, outputGradients_[o].data(), inPanels(o));
    } else if (!inPanels(o)) {
      network_.clearOutputGradient(o);
    }
  }
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    if (places_[t] >= 0) {
      results_[t] = rowResults_[static_cast<std::size_t>(places_[t])];
      continue;
    }
    if (terms_[t].kind == TermKind::kCrossEntropy) {
      results_[t] = {tokens.crossEntropy, tokens.crossEntropyNorm};
    } else if (terms_[t].kind == TermKind::kDistillation) {
      results_[t] = {tokens.distillation, tokens.distillationNorm};
    }
    loss += terms_[t].weight * results_[t].raw;
  }
  return tokens;
}

template <class T>
TokenResult Trainer<T>::evaluateTokens(const DataSet& data, std::size_t first, std::size_t count, bool alone,
                                       Job& whole) {
  std::optional<Sequential> sequential;
  if (alone) sequential.emplace();
  whole.expect(static_cast<double>(count));
  TokenResult all;
  const std::size_t tokens = network_.outputShape(0).pixels();
  for (std::size_t done = 0; done < count;) {
    Job job(whole);
    const std::size_t part = std::min(network_.most(), count - done);
    network_.forward({data.images.data(), nullptr, first + done, part}, {false, 0, part}, job);
    TokenBatch batch;
    batch.labels = data.labels.data() + (first + done) * tokens;
    batch.samples = part;
    const TokenResult result = tokenLoss_.evaluate(network_, 0, batch, false, job);
    all.counted += result.counted;
    all.correct += result.correct;
    all.crossEntropy += result.counted * result.crossEntropy;
    done += part;
    whole.advance(static_cast<double>(part));
  }
  if (all.counted > 0) all.crossEntropy /= all.counted;
  return all;
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
