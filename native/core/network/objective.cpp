#include "objective.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "../relational.h"
#include "logit_losses.h"

namespace qrkd::network {
namespace {

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

Objective::Objective(std::vector<Term> terms) : terms_(std::move(terms)), work_(terms_.size()) {
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const Term& term = terms_[t];
    if (term.kind != TermKind::kKernel) continue;
    work_[t].kernel = std::make_unique<KernelTerm>(term.student, term.teacher, term.form, term.scale);
  }
}

double Objective::value(std::size_t t, std::size_t samples, const Values& output, const Values& target,
                        const std::int32_t* labels, Job& job) {
  const Term& term = terms_[t];
  Work& work = work_[t];
  double* gradient = work.gradient.data();
  const Rows student{output.data, samples, output.columns}, teacher{target.data, samples, target.columns};
  switch (term.kind) {
    case TermKind::kCrossEntropy:
      return crossEntropyLoss(output.data, labels, samples, output.columns, gradient);
    case TermKind::kDistillation:
      return distillationLoss(output.data, target.data, term.temperature, samples, output.columns, gradient);
    case TermKind::kDistance:
      return distanceLoss(student, teacher, gradient, job);
    case TermKind::kAngle:
      return angleLoss(student, teacher, gradient, job);
    case TermKind::kKernel:
      return work.kernel->evaluate(samples, output, target, gradient, work.zeroVectors, job);
  }
  return 0;
}

double Objective::evaluate(std::size_t samples, const std::vector<Values>& outputs, const std::vector<Values>& targets,
                           const std::int32_t* labels, const std::vector<double*>& gradients, TermResult* results,
                           std::size_t& zeroVectors, Job& job) {
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    std::fill(gradients[o], gradients[o] + samples * outputs[o].columns, 0.0);
  }
  double loss = 0;
  zeroVectors = 0;
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    const Term& term = terms_[t];
    const Values& output = outputs[static_cast<std::size_t>(term.output)];
    const Values target = term.target < 0 ? Values{} : targets[static_cast<std::size_t>(term.target)];
    Work& work = work_[t];
    work.gradient.resize(samples * output.columns);
    work.zeroVectors = 0;
    // A step without a finite output is the caller's to report: which term, and when.
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    results[t] = {kNaN, kNaN};
    if (allFinite(output.data, work.gradient.size())) {
      results[t].raw = value(t, samples, output, target, labels, job);
      results[t].gradientNorm = norm(work.gradient);
      double* sum = gradients[static_cast<std::size_t>(term.output)];
      for (std::size_t k = 0; k < work.gradient.size(); ++k) sum[k] += term.weight * work.gradient[k];
    }
    loss += term.weight * results[t].raw;
    zeroVectors += work.zeroVectors;
  }
  return loss;
}

}  // namespace qrkd::network
