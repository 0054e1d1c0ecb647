// Losses of tokens in the lanes of panels against the same losses of plain rows, in double: on every instruction set,
// in both precisions, on batches whose last panel is not full.
#include <cmath>

#include "../core/isa.h"
#include "../core/network/logit_losses.h"
#include "../core/network/token_loss.h"
#include "check.h"

#ifdef QRKD_EMULATED_AVX512
namespace qrkd::avx512emulated {
const InstructionSet& instructionSet();
}
#endif

using namespace qrkd;
using namespace qrkd::network;

namespace {

constexpr std::size_t kSamples = 19, kTokens = 21, kClasses = 37, kSize = kTokens * kClasses;

// Logits are the network's input, scaled by a weight so that they have a gradient.
template <class T>
Network<T> makeNetwork() {
  std::vector<std::unique_ptr<Weight<T>>> weights;
  weights.push_back(std::make_unique<Weight<T>>());
  weights[0]->value.assign(kClasses * kClasses, T(0));
  for (std::size_t c = 0; c < kClasses; ++c) weights[0]->value[c * kClasses + c] = 1;
  const std::vector<NodeSpec> nodes = {{"pointwise", {0}, {{"units", kClasses}, {"relu", 0}}, {0}}};
  return Network<T>(Graph<T>({1, kTokens, kClasses}, nodes, std::move(weights), {1}), kSamples, true);
}

struct Case {
  std::vector<float> logits, teacher;
  std::vector<std::int32_t> labels;
};

// Some labels do not count; a logit comes twice, and the teacher rules a class out.
Case makeCase() {
  Case made;
  const auto logits = normals(kSamples * kSize, 1, 3), teacher = normals(kSamples * kSize, 2, 3);
  made.logits.assign(logits.begin(), logits.end());
  made.teacher.assign(teacher.begin(), teacher.end());
  for (std::size_t row = 0; row < kSamples * kTokens; ++row) {
    made.labels.push_back(row % 5 == 3 ? -1 : static_cast<std::int32_t>(row * 7 % kClasses));
    if (row % 4 == 0) {
      for (const std::size_t c : {5, 30}) made.logits[row * kClasses + c] = 20;
    }
    made.teacher[row * kClasses + row % kClasses] = -std::numeric_limits<float>::infinity();
  }
  return made;
}

struct Expected {
  TokenResult result;
  std::vector<double> gradient;
};

Expected expectedOf(const Case& of, const TokenTerms& terms) {
  std::vector<double> logits, teacher, scratch(kClasses);
  std::vector<std::int32_t> labels;
  std::vector<std::size_t> rows;
  Expected expected;
  for (std::size_t row = 0; row < of.labels.size(); ++row) {
    if (of.labels[row] < 0) continue;
    rows.push_back(row);
    labels.push_back(of.labels[row]);
    const float* x = of.logits.data() + row * kClasses;
    logits.insert(logits.end(), x, x + kClasses);
    teacher.insert(teacher.end(), of.teacher.data() + row * kClasses, of.teacher.data() + (row + 1) * kClasses);
    expected.result.correct += std::max_element(x, x + kClasses) - x == of.labels[row];
  }
  std::vector<double> ce(logits.size()), kd(logits.size());
  expected.result.counted = static_cast<double>(rows.size());
  expected.result.crossEntropy = crossEntropyLoss(logits.data(), labels.data(), rows.size(), kClasses, ce.data());
  expected.result.distillation = distillationLoss(logits.data(), teacher.data(), terms.temperature, rows.size(),
                                                  kClasses, kd.data(), scratch.data());
  expected.gradient.assign(kSamples * kSize, 0);
  for (std::size_t k = 0; k < ce.size(); ++k) {
    expected.result.crossEntropyNorm += ce[k] * ce[k];
    expected.result.distillationNorm += kd[k] * kd[k];
    double& to = expected.gradient[rows[k / kClasses] * kClasses + k % kClasses];
    if (terms.crossEntropy) to += terms.crossEntropyWeight * ce[k];
    if (terms.distillation) to += terms.distillationWeight * kd[k];
  }
  expected.result.crossEntropyNorm = std::sqrt(expected.result.crossEntropyNorm);
  expected.result.distillationNorm = std::sqrt(expected.result.distillationNorm);
  return expected;
}

void near(double found, double wanted, double tolerance, const char* what, const char* set) {
  check(std::abs(found - wanted) <= tolerance * (1 + std::abs(wanted)), "%s on %s: %.9g, expected %.9g", what, set,
        found, wanted);
}

template <class T>
void checkTerms(const Case& of, const TokenTerms& terms, bool adds, const char* set) {
  const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-13;
  const Expected expected = expectedOf(of, terms);
  Network<T> network = makeNetwork<T>();
  Job job;
  network.forward({of.logits.data(), nullptr, 0, kSamples}, {true, 0, kSamples}, job);
  const std::vector<double> before = normals(kSamples * kSize, 3, 1e-3);
  TokenBatch batch{of.labels.data(), {}, kSamples};
  for (std::size_t i = 0; i < kSamples; ++i) batch.teacher.push_back(of.teacher.data() + i * kSize);
  TokenLoss<T> loss(terms);
  const TokenResult found = loss.evaluate(network, 0, batch, true, job);
  if (adds) network.writeOutputGradient(0, before.data(), true);
  near(found.counted, expected.result.counted, 0, "tokens that count", set);
  near(found.correct, expected.result.correct, 0, "correct tokens", set);
  near(found.crossEntropy, expected.result.crossEntropy, tolerance, "cross-entropy", set);
  if (terms.crossEntropy) near(found.crossEntropyNorm, expected.result.crossEntropyNorm, tolerance, "its norm", set);
  if (terms.distillation) {
    near(found.distillation, expected.result.distillation, tolerance, "distillation", set);
    near(found.distillationNorm, expected.result.distillationNorm, tolerance, "its norm", set);
  }
  double worst = 0;
  for (std::size_t p = 0; p < network.panels(); ++p) {
    const T* lanes = network.outputGradientLanes(0, p);
    for (std::size_t k = 0; k < kSize * kLanes<T>; ++k) {
      const std::size_t sample = p * kLanes<T> + k % kLanes<T>, place = sample * kSize + k / kLanes<T>;
      const double wanted = sample < kSamples ? expected.gradient[place] + (adds ? before[place] : 0) : 0;
      const double difference = std::abs(static_cast<double>(lanes[k]) - wanted);
      worst = difference <= worst ? worst : difference;
    }
  }
  check(worst < tolerance, "gradient on %s differs by %g", set, worst);
  network.forward({of.logits.data(), nullptr, 0, kSamples}, {false, 0, kSamples}, job);
  const TokenResult again = loss.evaluate(network, 0, batch, false, job);
  near(again.crossEntropy, found.crossEntropy, 0, "cross-entropy in evaluation", set);
  near(again.correct, found.correct, 0, "correct tokens in evaluation", set);
}

void checkSet(const InstructionSet& set, const char* how) {
  selectInstructionSet(set);
  const Case of = makeCase();
  for (const auto& [ce, kd] : {std::pair(true, false), {false, true}, {true, true}}) {
    for (const double temperature : {1.0, 3.0}) {
      const TokenTerms terms{ce, kd, 0.7, 1.5, temperature};
      for (const bool adds : {false, true}) {
        checkTerms<float>(of, terms, adds, set.name);
        checkTerms<double>(of, terms, adds, set.name);
      }
    }
  }
  Case none = of;
  std::fill(none.labels.begin(), none.labels.end(), -1);
  Network<float> network = makeNetwork<float>();
  Job job;
  network.forward({none.logits.data(), nullptr, 0, kSamples}, {true, 0, kSamples}, job);
  const TokenResult found =
      TokenLoss<float>({true, false, 1, 0, 1}).evaluate(network, 0, {none.labels.data(), {}, kSamples}, true, job);
  check(found.crossEntropy == 0 && found.counted == 0, "cross-entropy of no token is %g", found.crossEntropy);
  check(network.outputGradientLanes(0, 0)[0] == 0, "the gradient of no token is not 0");
  std::printf("checked %s%s\n", set.name, how);
}

}  // namespace

int main() {
  for (const auto& name : supportedInstructionSets()) {
    selectInstructionSet(name);
    checkSet(instructionSet(), "");
  }
#ifdef QRKD_EMULATED_AVX512
  checkSet(avx512emulated::instructionSet(), " (emulated)");
#endif
  return finish("network tokens");
}
