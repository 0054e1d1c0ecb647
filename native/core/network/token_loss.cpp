#include "token_loss.h"

#include <algorithm>
#include <cmath>

#include "../isa.h"
#include "../thread_pool.h"

namespace qrkd::network {
namespace {

// Tokens of a panel that are a task: enough tasks for all threads where there are few panels.
constexpr std::size_t kTaskTokens = 16;
// Simple operations that a class of one token takes, roughly.
constexpr double kClassFlops = 60;

}  // namespace

template <class T>
struct TokenLoss<T>::Task {
  const TokenBatch* batch;
  std::size_t firstSample, tokens, classes;
  const T* logits;  // of the panel
  T* gradient;      // null: values alone
  double counted;   // of the whole batch
  T* scratch;       // three times [class][lane], then the lines of sums and factors
};

template <class T>
TokenResult TokenLoss<T>::evaluate(Network<T>& network, std::size_t output, const TokenBatch& batch, bool gradient,
                                   Job& job) {
  const Shape& shape = network.outputShape(output);
  const std::size_t tokens = shape.pixels(), classes = static_cast<std::size_t>(shape.channels);
  const auto counted = static_cast<double>(std::count_if(batch.labels, batch.labels + batch.samples * tokens,
                                                         [](std::int32_t label) { return label >= 0; }));
  if (scratch_.empty()) {
    constexpr std::size_t kLines = 16;
    for (int worker = 0; worker < threads(); ++worker) scratch_.emplace_back((4 * classes + kLines) * kLanes<T>);
  }
  const std::size_t parts = (tokens + kTaskTokens - 1) / kTaskTokens;
  std::vector<Sums> sums(network.panels() * parts);
  const double flops = kClassFlops * static_cast<double>(network.panels() * shape.size()) * kLanes<T>;
  parallelFor(sums.size(), flops, job, [&](std::size_t item, int worker) {
    const std::size_t panel = item / parts, first = item % parts * kTaskTokens;
    const Task task{&batch,
                    panel * kLanes<T>,
                    tokens,
                    classes,
                    network.outputLanes(output, panel),
                    gradient ? network.outputGradientLanes(output, panel) : nullptr,
                    counted,
                    scratch_[static_cast<std::size_t>(worker)].data()};
    for (std::size_t t = first; t < std::min(tokens, first + kTaskTokens); ++t) token(task, t, sums[item]);
  });
  TokenResult result;
  Sums all;
  for (const Sums& part : sums) {
    all.correct += part.correct;
    all.crossEntropy += part.crossEntropy;
    all.distillation += part.distillation;
    all.crossEntropySquare += part.crossEntropySquare;
    all.distillationSquare += part.distillationSquare;
  }
  result.counted = counted;
  result.correct = all.correct;
  if (counted == 0) return result;
  const double temperature = terms_.temperature;
  result.crossEntropy = all.crossEntropy / counted;
  result.distillation = temperature * temperature * all.distillation / counted;
  result.crossEntropyNorm = std::sqrt(all.crossEntropySquare) / counted;
  result.distillationNorm = temperature * std::sqrt(all.distillationSquare) / counted;
  return result;
}

template <class T>
void TokenLoss<T>::token(const Task& task, std::size_t t, Sums& sums) {
  constexpr std::size_t W = kLanes<T>;
  const TokenTable<T>& kernels = networkKernels<T>().tokens;
  const std::size_t size = task.classes * W;
  const T* x = task.logits + t * size;
  T *e = task.scratch, *s = e + size, *teacher = s + size, *z = teacher + size, *lines = z + size;
  T *of = lines, *ofStudent = of + 3 * W, *ofTeacher = ofStudent + 3 * W, *factors = ofTeacher + 3 * W;
  TokenGradient<T> plan{};
  std::int32_t labels[W];
  for (std::size_t lane = 0; lane < W; ++lane) {
    const std::size_t sample = task.firstSample + lane;
    labels[lane] = sample < task.batch->samples ? task.batch->labels[sample * task.tokens + t] : -1;
  }

  kernels.exponentials(x, task.classes, T(1), e, of);
  double squares = 0;
  for (std::size_t lane = 0; lane < W; ++lane) {
    factors[lane] = 0;
    if (labels[lane] < 0) continue;
    const std::size_t label = static_cast<std::size_t>(labels[lane]) * W + lane;
    const double sum = of[W + lane], share = e[label] / sum;
    sums.crossEntropy += std::log(sum) + static_cast<double>(of[lane]) - static_cast<double>(x[label]);
    squares += of[2 * W + lane] / (sum * sum) - 2 * share + 1;
    if (x[label] == of[lane]) {
      bool first = true;
      for (std::size_t k = lane; k < label && first; k += W) first = x[k] != x[label];
      sums.correct += first;
    }
    factors[lane] = static_cast<T>(terms_.crossEntropyWeight / (task.counted * sum));
  }
  sums.crossEntropySquare += squares;
  if (terms_.crossEntropy) {
    plan.e = e;
    plan.crossEntropy = factors;
  }

  if (terms_.distillation && task.gradient != nullptr) {
    const T inverse = static_cast<T>(1 / terms_.temperature);
    for (std::size_t lane = 0; lane < W; ++lane) {
      const bool counts = labels[lane] >= 0;
      const float* row = counts ? task.batch->teacher[task.firstSample + lane] + t * task.classes : nullptr;
      for (std::size_t c = 0; c < task.classes; ++c)
        z[c * W + lane] = counts ? static_cast<T>(row[c]) : x[c * W + lane];
    }
    kernels.exponentials(x, task.classes, inverse, s, ofStudent);
    kernels.exponentials(z, task.classes, inverse, teacher, ofTeacher);
    T *student = factors + W, *wanted = student + W, *offset = wanted + W, *kd = offset + W;
    for (std::size_t lane = 0; lane < W; ++lane) {
      const double sumS = ofStudent[W + lane], sumT = ofTeacher[W + lane];
      student[lane] = static_cast<T>(1 / sumS);
      wanted[lane] = static_cast<T>(1 / sumT);
      offset[lane] = static_cast<T>(std::log(sumS / sumT) +
                                    (static_cast<double>(ofStudent[lane]) - static_cast<double>(ofTeacher[lane])) /
                                        terms_.temperature);
      kd[lane] =
          labels[lane] < 0 ? T(0) : static_cast<T>(terms_.distillationWeight * terms_.temperature / task.counted);
    }
    plan.x = x;
    plan.z = z;
    plan.s = s;
    plan.t = teacher;
    plan.student = student;
    plan.teacher = wanted;
    plan.offset = offset;
    plan.distillation = kd;
    plan.inverseTemperature = inverse;
  }
  if (task.gradient == nullptr || (plan.e == nullptr && plan.s == nullptr)) return;

  T* gradient = task.gradient + t * size;
  T* found = of;  // no longer needed
  kernels.gradient(plan, task.classes, gradient, found);
  for (std::size_t lane = 0; lane < W; ++lane) {
    if (labels[lane] < 0) continue;
    sums.distillation += static_cast<double>(found[lane]);
    sums.distillationSquare += static_cast<double>(found[W + lane]);
    if (!terms_.crossEntropy) continue;
    gradient[static_cast<std::size_t>(labels[lane]) * W + lane] -=
        static_cast<T>(terms_.crossEntropyWeight / task.counted);
  }
}

template class TokenLoss<float>;
template class TokenLoss<double>;

}  // namespace qrkd::network
