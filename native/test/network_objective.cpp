// The loss of a step: gradients against central finite differences, for every term alone and together; small cases in
// closed form, of losses and of optimizers; the same bits on any number of threads.
#include "../core/network/objective.h"

#include <array>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>

#include "../core/euclidean.h"
#include "../core/isa.h"
#include "../core/network/optimizer.h"
#include "../core/state_kernel.h"
#include "../core/thread_pool.h"
#include "../core/vector_kernel.h"
#include "check.h"
#include "feature_maps.h"

namespace qrkd::network {
namespace {

constexpr std::size_t kClasses = 5, kFeatures = 4, kTeacherFeatures = 6;

// A batch of both networks' outputs: [logits, features].
struct Batch {
  std::size_t samples;
  std::vector<double> logits, features, teacherLogits, teacherFeatures;
  std::vector<std::int32_t> labels;

  explicit Batch(std::size_t count)
      : samples(count),
        logits(normals(count * kClasses, 1)),
        features(normals(count * kFeatures, 2)),
        teacherLogits(normals(count * kClasses, 3, 2)),
        teacherFeatures(normals(count * kTeacherFeatures, 4)) {
    for (std::size_t i = 0; i < count; ++i) labels.push_back(static_cast<std::int32_t>(i * 7 % kClasses));
  }
};

struct Evaluated {
  double loss = 0;
  std::vector<double> logits, features;  // gradients
  std::vector<TermResult> results;
  std::size_t zeroVectors = 0;
};

Evaluated evaluate(Objective& objective, const Batch& batch) {
  Evaluated out;
  // What the caller's memory held before does not matter.
  out.logits.assign(batch.logits.size(), 7.0);
  out.features.assign(batch.features.size(), 7.0);
  out.results.resize(objective.terms().size());
  Job job;
  out.loss = objective.evaluate(
      batch.samples, {{batch.logits.data(), kClasses}, {batch.features.data(), kFeatures}},
      {{batch.teacherLogits.data(), kClasses}, {batch.teacherFeatures.data(), kTeacherFeatures}}, batch.labels.data(),
      {out.logits.data(), out.features.data()}, out.results.data(), out.zeroVectors, job);
  return out;
}

Term logitTerm(TermKind kind, double weight) {
  Term term;
  term.kind = kind;
  term.weight = weight;
  if (kind == TermKind::kDistillation) {
    term.target = 0;
    term.temperature = 4;
  }
  return term;
}

Term featureTerm(TermKind kind, double weight) {
  Term term;
  term.kind = kind;
  term.weight = weight;
  term.output = term.target = 1;
  return term;
}

Projection projection(std::size_t in, std::size_t out, unsigned seed) {
  return {normals(in, seed, 0.3), normals(in * out, seed + 1, 0.6), in, out};
}

template <class K>
KernelSide side(std::shared_ptr<K> kernel, Projection narrow = {}) {
  KernelSide made;
  if constexpr (std::is_base_of_v<Kernel<float>, K>) {
    made.float32 = std::move(kernel);
  } else {
    made.float64 = std::move(kernel);
  }
  made.projection = std::move(narrow);
  return made;
}

template <class T>
Term zzTerm(MatrixLoss form, double scale, double weight) {
  Term term = featureTerm(TermKind::kKernel, weight);
  term.form = form;
  term.scale = scale;
  term.student = side(std::make_shared<StateKernel<T>>(zz(3, 1, 0.3)), projection(kFeatures, 3, 21));
  term.teacher = side(std::make_shared<StateKernel<T>>(zz(5, 1, 0.2)), projection(kTeacherFeatures, 5, 23));
  return term;
}

Term amplitudeTerm() {
  Term term = featureTerm(TermKind::kKernel, 1.5);
  term.student = side(std::make_shared<VectorKernel<double>>(kFeatures, ZeroVector::kError));
  term.teacher = side(std::make_shared<VectorKernel<double>>(kTeacherFeatures, ZeroVector::kError));
  term.student.amplitude = term.teacher.amplitude = true;
  return term;
}

// Both kinds of kernels in one term, one in each precision.
Term mixedTerm() {
  Term term = zzTerm<double>(MatrixLoss::kSmoothL1, 2, 2);
  term.teacher = side(
      std::shared_ptr<Kernel<float>>(makeEuclidean<float>(kTeacherFeatures, {EuclideanSpec::Kind::kRbf, 0.25, 0, 0})));
  return term;
}

void compare(const std::string& name, std::vector<Term> terms, Batch batch) {
  Objective objective(std::move(terms));
  const Evaluated at = evaluate(objective, batch);
  double sum = 0;
  for (std::size_t t = 0; t < at.results.size(); ++t) sum += objective.terms()[t].weight * at.results[t].raw;
  check(std::abs(at.loss - sum) < 1e-14, "%s: the loss is not the weighted sum", name.c_str());
  double worst = 0;
  for (auto* both : {&batch.logits, &batch.features}) {
    const auto& gradient = both == &batch.logits ? at.logits : at.features;
    for (std::size_t k = 0; k < both->size(); ++k) {
      const double kept = (*both)[k], h = 1e-5;
      (*both)[k] = kept + h;
      const double up = evaluate(objective, batch).loss;
      (*both)[k] = kept - h;
      const double down = evaluate(objective, batch).loss;
      (*both)[k] = kept;
      worst = std::max(worst, std::abs((up - down) / (2 * h) - gradient[k]));
    }
  }
  check(worst < 1e-8, "%s: gradient is off by %g", name.c_str(), worst);
  if (objective.terms().size() > 1) return;
  double square = 0;
  for (const double g : at.logits) square += g * g;
  for (const double g : at.features) square += g * g;
  const double norm = at.results[0].gradientNorm * objective.terms()[0].weight;
  check(std::abs(norm - std::sqrt(square)) < 1e-14 * (1 + norm), "%s: gradient norm", name.c_str());
}

void gradients() {
  const Batch batch(13);
  const auto form = [](MatrixLoss which) { return zzTerm<double>(which, 2, 3); };
  compare("cross-entropy", {logitTerm(TermKind::kCrossEntropy, 1.3)}, batch);
  compare("distillation", {logitTerm(TermKind::kDistillation, 0.7)}, batch);
  compare("distance", {featureTerm(TermKind::kDistance, 2)}, batch);
  compare("angle", {featureTerm(TermKind::kAngle, 2)}, batch);
  compare("kernel, smooth-L1", {form(MatrixLoss::kSmoothL1)}, batch);
  compare("kernel, off the diagonal", {form(MatrixLoss::kSmoothL1OffDiagonal)}, batch);
  compare("kernel, squared", {form(MatrixLoss::kSquared)}, batch);
  compare("kernel, alignment", {form(MatrixLoss::kAlignment)}, batch);
  compare("kernel, not scaled", {zzTerm<double>(MatrixLoss::kSmoothL1, 0, 1)}, batch);
  compare("amplitude", {amplitudeTerm()}, batch);
  compare("two precisions", {mixedTerm()}, batch);
  compare("all",
          {logitTerm(TermKind::kCrossEntropy, 1), logitTerm(TermKind::kDistillation, 0.5),
           featureTerm(TermKind::kDistance, 2), featureTerm(TermKind::kAngle, 3), form(MatrixLoss::kSmoothL1)},
          batch);
  compare("a single sample",
          {logitTerm(TermKind::kCrossEntropy, 1), featureTerm(TermKind::kDistance, 2), featureTerm(TermKind::kAngle, 3),
           form(MatrixLoss::kSmoothL1)},
          Batch(1));
}

// A sample's features as two rows are the features of two samples, to the bit.
void rowsOfSamples() {
  const Batch batch(9);
  std::vector<Term> terms = {featureTerm(TermKind::kDistance, 2), featureTerm(TermKind::kAngle, 3),
                             featureTerm(TermKind::kKernel, 5)};
  Term& kernel = terms.back();
  kernel.scale = 2;
  const EuclideanSpec rbf{EuclideanSpec::Kind::kRbf, 0.25, 0, 0};
  kernel.student = side(std::shared_ptr<Kernel<double>>(makeEuclidean<double>(kFeatures / 2, rbf)));
  kernel.teacher = side(std::shared_ptr<Kernel<double>>(makeEuclidean<double>(kTeacherFeatures / 2, rbf)));
  Objective whole(terms);
  std::vector<double> gradient(batch.features.size()), logits(2 * batch.logits.size());
  std::vector<TermResult> results(terms.size());
  std::size_t zeroVectors = 0;
  Job job;
  const double loss = whole.evaluate(2 * batch.samples, {{nullptr, 0}, {batch.features.data(), kFeatures / 2}},
                                     {{nullptr, 0}, {batch.teacherFeatures.data(), kTeacherFeatures / 2}}, nullptr,
                                     {logits.data(), gradient.data()}, results.data(), zeroVectors, job);
  for (Term& term : terms) term.rowsPerSample = 2;
  Objective split(terms);
  const Evaluated rows = evaluate(split, batch);
  check(rows.loss == loss && rows.features == gradient, "rows of samples: not those of as many samples");
  compare("rows of samples", terms, batch);
  for (Term& term : terms) term.rowsPerSample = 3;
  Objective uneven(terms);
  bool refused = false;
  try {
    evaluate(uneven, batch);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  check(refused, "rows of samples that do not fit are taken");
}

void float32Kernels() {
  const Batch batch(37);
  Objective exact({zzTerm<double>(MatrixLoss::kSmoothL1, 2, 1)}), single({zzTerm<float>(MatrixLoss::kSmoothL1, 2, 1)});
  const Evaluated a = evaluate(exact, batch), b = evaluate(single, batch);
  double worst = 0;
  for (std::size_t k = 0; k < a.features.size(); ++k) {
    worst = std::max(worst, std::abs(a.features[k] - b.features[k]));
  }
  check(std::abs(a.loss - b.loss) < 1e-5 * a.loss && worst < 1e-5 * a.results[0].gradientNorm,
        "a float32 kernel is off by %g, its gradient by %g", a.loss - b.loss, worst);
}

// Zero rows of an amplitude map are |0...0>: counted, without gradient, and equal to a first unit vector.
void zeroRows() {
  Batch batch(6);
  for (std::size_t c = 0; c < kFeatures; ++c) batch.features[2 * kFeatures + c] = 0;
  for (std::size_t c = 0; c < kTeacherFeatures; ++c) {
    batch.teacherFeatures[c] = batch.teacherFeatures[5 * kTeacherFeatures + c] = 0;
  }
  Objective objective({amplitudeTerm()});
  const Evaluated zeros = evaluate(objective, batch);
  check(zeros.zeroVectors == 3, "zero rows counted: %zu", zeros.zeroVectors);
  for (std::size_t c = 0; c < kFeatures; ++c) check(zeros.features[2 * kFeatures + c] == 0, "a zero row's gradient");
  batch.features[2 * kFeatures] = batch.teacherFeatures[0] = batch.teacherFeatures[5 * kTeacherFeatures] = 1;
  const Evaluated units = evaluate(objective, batch);
  check(units.zeroVectors == 0 && units.loss == zeros.loss, "a zero row is not |0...0>");
}

void notFinite() {
  Batch batch(5);
  batch.features[3] = std::numeric_limits<double>::infinity();
  Objective objective({logitTerm(TermKind::kCrossEntropy, 1), featureTerm(TermKind::kDistance, 1),
                       zzTerm<double>(MatrixLoss::kSmoothL1, 2, 1)});
  const Evaluated at = evaluate(objective, batch);
  check(std::isfinite(at.results[0].raw) && std::isfinite(at.results[0].gradientNorm), "the logits' term is finite");
  for (const std::size_t t : {1, 2}) {
    check(std::isnan(at.results[t].raw) && std::isnan(at.results[t].gradientNorm), "term %zu must be NaN", t);
  }
  check(std::isnan(at.loss), "the loss must be NaN");
  batch.labels[2] = kClasses;
  bool refused = false;
  try {
    evaluate(objective, batch);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  check(refused, "a label that is no class");
}

void closedForms() {
  Batch batch(4);
  std::fill(batch.logits.begin(), batch.logits.end(), 1234.5);
  Objective entropy({logitTerm(TermKind::kCrossEntropy, 1)});
  const Evaluated uniform = evaluate(entropy, batch);
  check(std::abs(uniform.loss - std::log(kClasses)) < 1e-12, "cross-entropy of equal logits: %g", uniform.loss);
  check(std::abs(uniform.logits[0] - (0.2 - 1) / 4) < 1e-15, "its gradient: %g", uniform.logits[0]);

  // A teacher that rules out all classes but the first, with -infinity: T^2 log(5) against equal logits.
  const double never = -std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < batch.teacherLogits.size(); ++k) batch.teacherLogits[k] = k % kClasses == 0 ? 3 : never;
  Objective distillation({logitTerm(TermKind::kDistillation, 1)});
  const Evaluated sure = evaluate(distillation, batch);
  check(std::abs(sure.loss - 16 * std::log(kClasses)) < 1e-12, "distillation of a sure teacher: %g", sure.loss);
  check(std::abs(sure.logits[1] - 4 * 0.2 / 4) < 1e-15, "its gradient: %g", sure.logits[1]);
}

void sameOnAnyThreads() {
  const Batch batch(96);
  Objective objective({logitTerm(TermKind::kCrossEntropy, 1), logitTerm(TermKind::kDistillation, 0.5),
                       featureTerm(TermKind::kDistance, 2), featureTerm(TermKind::kAngle, 3),
                       zzTerm<float>(MatrixLoss::kSmoothL1, 2, 1)});
  setThreads(1);
  const Evaluated one = evaluate(objective, batch);
  for (const int threads : {2, 5}) {
    setThreads(threads);
    const Evaluated many = evaluate(objective, batch);
    check(one.loss == many.loss && one.logits == many.logits && one.features == many.features,
          "%d threads change the objective", threads);
  }
  setThreads(availableThreads());
}

// Weights after updates with these gradients, one a step.
template <class T>
std::vector<double> updated(const OptimizerSpec& spec, double start, const std::vector<double>& gradients,
                            double rate = 0.1) {
  Weight<T> weight{{static_cast<T>(start)}, true};
  Optimizer<T> optimizer(spec, {&weight});
  std::vector<double> values;
  for (const double gradient : gradients) {
    T g = static_cast<T>(gradient);
    const double norm = optimizer.step(rate, {&g});
    check(std::abs(norm - std::abs(gradient)) < 1e-6 * std::abs(gradient), "%s: norm %g", spec.name.c_str(), norm);
    values.push_back(weight.value[0]);
  }
  return values;
}

OptimizerSpec spec(const std::string& name, const std::function<void(OptimizerSpec&)>& set = {}) {
  OptimizerSpec made;
  made.name = name;
  if (set) set(made);
  return made;
}

void expect(const char* what, const OptimizerSpec& made, const std::vector<double>& gradients,
            const std::vector<double>& expected) {
  const auto exact = updated<double>(made, 2, gradients), single = updated<float>(made, 2, gradients);
  for (std::size_t k = 0; k < expected.size(); ++k) {
    check(std::abs(exact[k] - expected[k]) < 1e-13, "%s: step %zu gives %.17g, not %.17g", what, k, exact[k],
          expected[k]);
    // Powers of beta2 in float32 put an error of 1e-5 into adam's steps, in tfjs as here.
    check(std::abs(single[k] - expected[k]) < 3e-6, "%s, float32: step %zu gives %.9g", what, k, single[k]);
  }
}

void optimizers() {
  const auto momentum = [](OptimizerSpec& s) { s.momentum = 0.5; };
  expect("sgd", spec("sgd"), {3, -1}, {2 - 0.3, 2 - 0.3 + 0.1});
  expect("momentum", spec("momentum", momentum), {3, -1}, {2 - 0.3, 2 - 0.3 - 0.1 * (1.5 - 1)});
  expect("nesterov", spec("momentum", [](auto& s) { s.momentum = 0.5, s.nesterov = true; }), {3, -1},
         {2 - 0.1 * (3 + 0.5 * 3), 2 - 0.1 * (3 + 0.5 * 3) - 0.1 * (-1 + 0.5 * 0.5)});
  // Equal gradients: bias correction makes both moments exact, so that every step is rate * g / (|g| + epsilon).
  const auto coarse = [](OptimizerSpec& s) { s.epsilon = 0.5; };
  const double adam = 0.1 * 3 / (3 + 0.5);
  expect("adam", spec("adam", coarse), {3, 3, 3}, {2 - adam, 2 - 2 * adam, 2 - 3 * adam});
  // Decay before the step: w (1 - rate * decay) - step.
  const auto decoupled = [&](OptimizerSpec& s) { coarse(s), s.weightDecay = 0.5; };
  expect("adamw", spec("adamw", decoupled), {3, 3}, {1.9 - adam, (1.9 - adam) * 0.95 - adam});
  expect("sgd with decay", spec("sgd", decoupled), {3}, {1.9 - 0.3});
  const double first = 0.1 * 3 / std::sqrt(0.9 + 0.5), second = 0.1 * -1 / std::sqrt(0.9 * 0.9 + 0.1 + 0.5);
  expect("rmsprop", spec("rmsprop", [&](auto& s) { coarse(s), momentum(s); }), {3, -1},
         {2 - first, 2 - first - (0.5 * first + second)});
  expect("clipped by value", spec("sgd", [](auto& s) { s.clipValue = 2; }), {3, -9, 1}, {1.8, 2, 1.9});
  bool refused = false;
  try {
    updated<double>(spec("lbfgs"), 0, {});
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  check(refused, "an unknown optimizer");
}

// The norm is that of all gradients together; those within it stay what they are.
void clipsByNorm() {
  Weight<double> a{{0, 0}, true}, b{{0}, true};
  Optimizer<double> optimizer(spec("sgd", [](auto& s) { s.clipNorm = 6.5; }), {&a, &b});
  std::array<double, 2> ga{3, 4};
  std::array<double, 1> gb{12};
  check(std::abs(optimizer.step(1, {ga.data(), gb.data()}) - 13) < 1e-14, "global norm");
  const double factor = 6.5 / (13 + 1e-6);
  check(std::abs(a.value[1] + 4 * factor) < 1e-14 && std::abs(b.value[0] + 12 * factor) < 1e-14, "clipped by norm");
  ga = {0.5, 0}, gb = {-1};
  const double before = b.value[0];
  optimizer.step(1, {ga.data(), gb.data()});
  check(b.value[0] == before + 1, "a small gradient is not clipped");
}

// Large weights: parts and threads do not show, and neither does a checkpoint.
template <class T>
void resumes() {
  const auto start = normals(70001, 31), gradient = normals(70001, 32);
  for (const char* name : {"sgd", "momentum", "adam", "rmsprop"}) {
    const OptimizerSpec made = spec(name, [](auto& s) { s.momentum = 0.9, s.clipNorm = 1; });
    const auto train = [&](int threads, bool cut) {
      setThreads(threads);
      Weight<T> weight{std::vector<T>(start.begin(), start.end()), true};
      auto optimizer = std::make_unique<Optimizer<T>>(made, std::vector<Weight<T>*>{&weight});
      for (int step = 0; step < 6; ++step) {
        if (cut && step == 3) {
          auto next = std::make_unique<Optimizer<T>>(made, std::vector<Weight<T>*>{&weight});
          next->slots() = optimizer->slots();
          next->restore(optimizer->steps());
          optimizer = std::move(next);
        }
        std::vector<T> g(gradient.begin(), gradient.end());
        for (std::size_t k = 0; k < g.size(); ++k) g[k] += weight.value[k];
        optimizer->step(0.01, {g.data()});
      }
      return weight.value;
    };
    const auto once = train(1, false);
    check(train(3, false) == once, "%s: threads change the weights", name);
    check(train(1, true) == once, "%s: a checkpoint changes the weights", name);
  }
  setThreads(availableThreads());
}

}  // namespace
}  // namespace qrkd::network

int main() {
  using namespace qrkd;
  for (const auto& name : supportedInstructionSets()) {
    selectInstructionSet(name);
    network::gradients();
    network::rowsOfSamples();
    network::float32Kernels();
    network::zeroRows();
    network::notFinite();
    network::closedForms();
    network::sameOnAnyThreads();
    network::optimizers();
    network::clipsByNorm();
    network::resumes<float>();
    network::resumes<double>();
  }
  return finish("network objective");
}
