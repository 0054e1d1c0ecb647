// Training as a whole: the same bits with any number of threads, cancelled between updates, stopped at a loss that is
// not finite; memory shared by values whose lives do not overlap.
#include <cmath>
#include <thread>

#include "../core/network/trainer.h"
#include "../core/thread_pool.h"
#include "check.h"

using namespace qrkd;
using namespace qrkd::network;

namespace {

NodeSpec convolution(int input, int kernel, int stride, int size, int filters, int relu, std::vector<int> weights) {
  const int pad = kernel / 2, out = (size + 2 * pad - kernel) / stride + 1;
  return {"conv2d",
          {input},
          {{"kernelHeight", kernel},
           {"kernelWidth", kernel},
           {"strideY", stride},
           {"strideX", stride},
           {"dilationY", 1},
           {"dilationX", 1},
           {"padTop", pad},
           {"padLeft", pad},
           {"outHeight", out},
           {"outWidth", out},
           {"filters", filters},
           {"relu", relu}},
          std::move(weights)};
}

constexpr int kSize = 12;
constexpr std::size_t kBatch = 37, kSamples = 120, kSteps = 12;

template <class T>
std::unique_ptr<Trainer<T>> makeTrainer() {
  const std::vector<std::size_t> sizes = {9 * 2 * 5, 5, 9 * 5 * 3, 6 * 6 * 3 * 7, 7, 7 * 4};
  std::vector<std::unique_ptr<Weight<T>>> weights;
  for (const std::size_t size : sizes) {
    const auto values = normals(size, static_cast<unsigned>(weights.size()), 0.3);
    weights.push_back(std::make_unique<Weight<T>>());
    weights.back()->value.assign(values.begin(), values.end());
  }
  const std::vector<NodeSpec> nodes = {
      convolution(0, 3, 1, kSize, 5, 1, {0, 1}),
      convolution(1, 3, 2, kSize, 3, 0, {2}),
      {"reshape", {2}, {{"height", 1}, {"width", 1}, {"channels", 6 * 6 * 3}}, {}},
      {"dense", {3}, {{"units", 7}, {"relu", 1}}, {3, 4}},
      {"dense", {4}, {{"units", 4}, {"relu", 0}}, {5}},
  };
  std::vector<Term> terms(3);
  terms[1].kind = TermKind::kDistillation;
  terms[1].target = 0;
  terms[1].temperature = 4;
  terms[2].kind = TermKind::kDistance;
  terms[2].output = 1;
  terms[2].target = 1;
  OptimizerSpec optimizer;
  optimizer.name = "adam";
  optimizer.clipNorm = 1;
  return std::make_unique<Trainer<T>>(Graph<T>({kSize, kSize, 2}, nodes, std::move(weights), {5, 4}), kBatch, terms,
                                      optimizer);
}

DataSet makeData() {
  auto values = [seed = 5u](std::size_t size) mutable {
    const auto all = normals(size, seed++);
    return std::vector<float>(all.begin(), all.end());
  };
  DataSet data;
  data.count = kSamples;
  data.images = values(kSamples * kSize * kSize * 2);
  for (std::size_t i = 0; i < kSamples; ++i) data.labels.push_back(static_cast<std::int32_t>(i % 4));
  data.targets = {{values(kSamples * 4), 4}, {values(kSamples * 6), 6}};
  return data;
}

TrainCall makeCall(const DataSet& data, bool alone) {
  TrainCall call;
  call.data = &data;
  call.batchSize = kBatch;
  call.alone = alone;
  call.learningRates.assign(kSteps, 1e-2);
  for (std::size_t i = 0; i < kSteps * kBatch; ++i) {
    call.order.push_back(static_cast<std::uint32_t>((i * 7 + i / kSamples) % kSamples));
  }
  return call;
}

template <class T>
std::vector<T> weightsOf(Trainer<T>& trainer) {
  std::vector<T> all;
  for (const auto& weight : trainer.network().graph().weights) {
    all.insert(all.end(), weight->value.begin(), weight->value.end());
  }
  return all;
}

template <class T>
std::vector<T> trained(const DataSet& data, int threadCount, bool alone, std::vector<double>* metrics = nullptr) {
  setThreads(threadCount);
  auto trainer = makeTrainer<T>();
  std::vector<double> own(kSteps * trainer->metricsPerStep());
  Job job;
  trainer->train(makeCall(data, alone), own.data(), job);
  if (metrics != nullptr) *metrics = own;
  return weightsOf(*trainer);
}

template <class T>
void sameBitsWithAnyThreads(const DataSet& data) {
  std::vector<double> metrics;
  const auto expected = trained<T>(data, 1, false, &metrics);
  check(metrics[(kSteps - 1) * 11] < metrics[0], "training lowers the loss");
  check(trained<T>(data, 3, false) == expected, "three threads give the bits of one");
  check(trained<T>(data, 3, true) == expected, "so does a call that runs alone");
  // Two at once, a thread each.
  std::vector<T> first, second;
  std::thread other([&] { first = trained<T>(data, 3, true); });
  second = trained<T>(data, 3, true);
  other.join();
  check(first == expected && second == expected, "so do two calls at once");
}

void sharedMemoryHoldsWhatIsRead(const DataSet& data) {
  // In one call or step by step, with evaluation in between, which uses the same memory.
  setThreads(2);
  const auto expected = trained<double>(data, 2, false);
  auto trainer = makeTrainer<double>();
  const TrainCall whole = makeCall(data, false);
  std::vector<float> logits(kSamples * 4);
  std::vector<double> metrics(trainer->metricsPerStep());
  for (std::size_t s = 0; s < kSteps; ++s) {
    TrainCall step = whole;
    step.order.assign(whole.order.begin() + static_cast<std::ptrdiff_t>(s * kBatch),
                      whole.order.begin() + static_cast<std::ptrdiff_t>((s + 1) * kBatch));
    step.learningRates.resize(1);
    step.firstStep = s;
    Job job;
    trainer->train(step, metrics.data(), job);
    trainer->evaluate(data, 0, kSamples, {logits.data()}, false, job);
  }
  check(weightsOf(*trainer) == expected, "steps in calls of their own, with evaluations between them");
}

void stopsBetweenUpdates(const DataSet& data) {
  setThreads(2);
  auto trainer = makeTrainer<float>();
  const auto before = weightsOf(*trainer);
  std::vector<double> metrics(kSteps * trainer->metricsPerStep());
  Job job;
  job.cancel();
  bool cancelled = false;
  try {
    trainer->train(makeCall(data, false), metrics.data(), job);
  } catch (const Cancelled&) {
    cancelled = true;
  }
  check(cancelled && weightsOf(*trainer) == before, "a cancelled call leaves the weights of the last step");

  DataSet broken = data;
  broken.images[0] = std::nanf("");
  std::size_t term = 99;
  try {
    TrainCall call = makeCall(broken, false);
    call.order[0] = 0;
    Job fresh;
    trainer->train(call, metrics.data(), fresh);
  } catch (const NotFinite& e) {
    term = e.term;
    check(e.step == 0, "the step of a loss that is not finite");
  }
  check(term == 0 && weightsOf(*trainer) == before, "a loss that is not finite leaves the weights alone");
}

}  // namespace

int main() {
  const DataSet data = makeData();
  sameBitsWithAnyThreads<float>(data);
  sameBitsWithAnyThreads<double>(data);
  sharedMemoryHoldsWhatIsRead(data);
  stopsBetweenUpdates(data);
  return finish("network training");
}
