#include "objective.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "../thread_pool.h"
#include "logit_losses.h"

namespace qrkd::network {
namespace {

// Arithmetic of a group, some milliseconds, from which its own loops serve threads better than other groups do.
constexpr double kBeside = 5e7;

bool allFinite(const double* values, std::size_t count) {
  // Differences of not-finite numbers with themselves are NaN: one sum tells, and the loop vectorises.
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k) sum += values[k] - values[k];
  return sum == 0;
}

double norm(const std::vector<double>& values) {
  double square = 0;
  for (const double v : values) square += v * v;
  return std::sqrt(square);
}

}  // namespace

struct Objective::Batch {
  std::size_t samples;
  const std::vector<Values>& outputs;
  const std::vector<Values>& targets;
  const std::int32_t* labels;

  std::size_t rows(const Term& term) const { return samples * term.rowsPerSample; }
  Values output(const Term& term) const { return split(outputs[static_cast<std::size_t>(term.output)], term); }
  Values target(const Term& term) const {
    return term.target < 0 ? Values{} : split(targets[static_cast<std::size_t>(term.target)], term);
  }

 private:
  static Values split(const Values& values, const Term& term) {
    if (values.columns % term.rowsPerSample != 0) throw std::invalid_argument("features do not fit a sample's rows");
    return {values.data, values.columns / term.rowsPerSample};
  }
};

Objective::Objective(std::vector<Term> terms) : terms_(std::move(terms)), work_(terms_.size()) {
  // The most work first: threads that finish early take the small groups.
  for (const bool large : {true, false}) {
    for (std::size_t t = 0; t < terms_.size(); ++t) {
      const Term& term = terms_[t];
      const bool relational = term.kind == TermKind::kDistance || term.kind == TermKind::kAngle;
      if (large != (relational || term.kind == TermKind::kKernel)) continue;
      const auto shared = std::find_if(groups_.begin(), groups_.end(), [&](const Group& group) {
        const Term& other = terms_[group.terms[0]];
        return relational && group.relational && other.output == term.output && other.target == term.target;
      });
      if (shared != groups_.end()) {
        shared->terms.push_back(t);
        continue;
      }
      groups_.push_back({{t}, relational ? std::make_unique<RelationalLosses>() : nullptr});
      if (term.kind == TermKind::kKernel) {
        work_[t].kernel = std::make_unique<KernelTerm>(term.student, term.teacher, term.form, term.scale);
      }
    }
  }
}

// Roughly, and only of what may be large.
double Objective::flops(const Group& group, std::size_t samples) const {
  double sum = 0;
  for (const std::size_t t : group.terms) {
    const std::size_t rows = samples * terms_[t].rowsPerSample;
    const double n = static_cast<double>(rows);
    if (terms_[t].kind == TermKind::kAngle) sum += 20 * n * n * n;
    if (terms_[t].kind == TermKind::kKernel) sum += work_[t].kernel->flops(rows);
  }
  return sum;
}

double Objective::value(const Group& group, std::size_t t, const Batch& batch, Job& job) {
  const Term& term = terms_[t];
  const Values output = batch.output(term), target = batch.target(term);
  double* gradient = work_[t].gradient.data();
  switch (term.kind) {
    case TermKind::kCrossEntropy:
      return crossEntropyLoss(output.data, batch.labels, batch.samples, output.columns, gradient);
    case TermKind::kDistillation:
      work_[t].scratch.resize(output.columns);
      return distillationLoss(output.data, target.data, term.temperature, batch.samples, output.columns, gradient,
                              work_[t].scratch.data());
    case TermKind::kHidden:
      throw std::invalid_argument("hidden states are compared in the panels");
    case TermKind::kDistance:
      return group.relational->distance(gradient);
    case TermKind::kAngle:
      return group.relational->angle(gradient, job);
    case TermKind::kKernel:
      return work_[t].kernel->evaluate(batch.rows(term), output, target, gradient, work_[t].zeroVectors, job);
  }
  return 0;
}

void Objective::run(Group& group, const Batch& batch, TermResult* results, Job& job) {
  const Term& first = terms_[group.terms[0]];
  const Values output = batch.output(first), target = batch.target(first);
  const std::size_t rows = batch.rows(first), size = rows * output.columns;
  const bool finite = allFinite(output.data, size);
  if (finite && group.relational) {
    group.relational->set({output.data, rows, output.columns}, {target.data, rows, target.columns});
  }
  for (const std::size_t t : group.terms) {
    work_[t].zeroVectors = 0;
    if (!finite) {
      // The caller's to report: which term, and when.
      constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
      work_[t].gradient.assign(size, 0.0);
      results[t] = {kNaN, kNaN};
      continue;
    }
    work_[t].gradient.resize(size);
    results[t].raw = value(group, t, batch, job);
    results[t].gradientNorm = norm(work_[t].gradient);
  }
}

double Objective::evaluate(std::size_t samples, const std::vector<Values>& outputs, const std::vector<Values>& targets,
                           const std::int32_t* labels, const std::vector<double*>& gradients, TermResult* results,
                           std::size_t& zeroVectors, Job& job) {
  const Batch batch{samples, outputs, targets, labels};
  // Small groups run beside each other. A large one has loops that keep all threads busy by themselves.
  double total = 0, largest = 0;
  for (const Group& group : groups_) {
    total += flops(group, samples);
    largest = std::max(largest, flops(group, samples));
  }
  parallelFor(groups_.size(), largest < kBeside ? total : 0, job,
              [&](std::size_t g, int) { run(groups_[g], batch, results, job); });

  for (std::size_t o = 0; o < outputs.size(); ++o) {
    std::fill(gradients[o], gradients[o] + samples * outputs[o].columns, 0.0);
  }
  double loss = 0;
  zeroVectors = 0;
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const Term& term = terms_[t];
    const Work& work = work_[t];
    double* sum = gradients[static_cast<std::size_t>(term.output)];
    for (std::size_t k = 0; k < work.gradient.size(); ++k) sum[k] += term.weight * work.gradient[k];
    loss += term.weight * results[t].raw;
    zeroVectors += work.zeroVectors;
  }
  return loss;
}

}  // namespace qrkd::network
