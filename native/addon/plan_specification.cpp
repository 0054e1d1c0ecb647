#include "plan_specification.h"

#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "kernel_object.h"

namespace qrkd::addon {
namespace {

using namespace network;

std::vector<int> indices(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) fail(value.Env(), std::string(name) + " must be an array");
  const auto array = value.As<Napi::Array>();
  std::vector<int> all;
  for (std::uint32_t k = 0; k < array.Length(); ++k) {
    all.push_back(static_cast<int>(count(array.Get(k), name)));
  }
  return all;
}

std::vector<NodeSpec> readNodes(const Napi::Object& spec) {
  std::vector<NodeSpec> nodes;
  const auto array = spec.Get("nodes").As<Napi::Array>();
  for (std::uint32_t n = 0; n < array.Length(); ++n) {
    const auto object = array.Get(n).As<Napi::Object>();
    NodeSpec node;
    node.kind = object.Get("kind").ToString();
    node.inputs = indices(object.Get("inputs"), "inputs");
    node.weights = indices(object.Get("weights"), "weights");
    const auto numbers = object.Get("numbers").As<Napi::Object>();
    const Napi::Array keys = numbers.GetPropertyNames();
    for (std::uint32_t k = 0; k < keys.Length(); ++k) {
      const std::string key = keys.Get(k).ToString();
      node.numbers[key] = number(numbers, key.c_str());
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

template <class T>
std::vector<std::unique_ptr<Weight<T>>> readWeights(const Napi::Object& spec) {
  std::vector<std::unique_ptr<Weight<T>>> weights;
  const auto values = spec.Get("weights").As<Napi::Array>(), trainable = spec.Get("trainable").As<Napi::Array>();
  for (std::uint32_t w = 0; w < values.Length(); ++w) {
    const Napi::Value value = values.Get(w);
    if (!value.IsTypedArray()) fail(spec.Env(), "weights must be typed arrays");
    const auto data = doubles(value, value.As<Napi::TypedArray>().ElementLength(), "weights");
    auto weight = std::make_unique<Weight<T>>();
    weight->value.assign(data.begin(), data.end());
    weight->trainable = trainable.Get(w).ToBoolean();
    weights.push_back(std::move(weight));
  }
  return weights;
}

KernelSide readSide(const Napi::Object& term, const char* which) {
  const auto object = term.Get(which).As<Napi::Object>();
  KernelSide side;
  const AnyKernel& kernel = KernelObject::of(object.Get("kernel"));
  if (const auto* single = std::get_if<std::shared_ptr<Kernel<float>>>(&kernel)) side.float32 = *single;
  if (const auto* twice = std::get_if<std::shared_ptr<Kernel<double>>>(&kernel)) side.float64 = *twice;
  side.parameters = numbers(object, "parameters");
  side.amplitude = object.Get("amplitude").ToBoolean();
  const Napi::Value projection = object.Get("projection");
  if (projection.IsObject()) {
    const auto map = projection.As<Napi::Object>();
    side.projection.mean = numbers(map, "mean");
    side.projection.matrix = numbers(map, "matrix");
    side.projection.in = static_cast<std::size_t>(number(map, "in"));
    side.projection.out = static_cast<std::size_t>(number(map, "out"));
    if (side.projection.mean.size() != side.projection.in ||
        side.projection.matrix.size() != side.projection.in * side.projection.out) {
      fail(term.Env(), "inconsistent projection");
    }
  }
  return side;
}

std::size_t rowsPerSample(const Napi::Object& term) {
  const auto rows = static_cast<std::size_t>(count(term.Get("rowsPerSample"), "rowsPerSample"));
  if (rows == 0) fail(term.Env(), "rowsPerSample must be at least 1");
  return rows;
}

std::vector<Term> readTerms(const Napi::Object& spec) {
  std::vector<Term> terms;
  const Napi::Value value = spec.Get("terms");
  if (!value.IsArray()) return terms;
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t t = 0; t < array.Length(); ++t) {
    const auto object = array.Get(t).As<Napi::Object>();
    const std::string kind = object.Get("kind").ToString();
    Term term;
    term.output = static_cast<int>(number(object, "output"));
    term.target = static_cast<int>(number(object, "target"));
    term.weight = number(object, "weight");
    if (kind == "ce") {
      term.kind = TermKind::kCrossEntropy;
    } else if (kind == "kd") {
      term.kind = TermKind::kDistillation;
      term.temperature = number(object, "temperature");
    } else if (kind == "hidden") {
      term.kind = TermKind::kHidden;
    } else if (kind == "distance") {
      term.kind = TermKind::kDistance;
      term.rowsPerSample = rowsPerSample(object);
    } else if (kind == "angle") {
      term.kind = TermKind::kAngle;
      term.rowsPerSample = rowsPerSample(object);
    } else if (kind == "quantum") {
      term.kind = TermKind::kKernel;
      term.rowsPerSample = rowsPerSample(object);
      term.form = static_cast<MatrixLoss>(count(object.Get("form"), "form"));
      term.scale = number(object, "scale");
      term.student = readSide(object, "student");
      term.teacher = readSide(object, "teacher");
    } else {
      fail(spec.Env(), "unknown term " + kind);
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

OptimizerSpec readOptimizer(const Napi::Object& spec) {
  OptimizerSpec optimizer;
  const Napi::Value value = spec.Get("optimizer");
  if (!value.IsObject()) return optimizer;
  const auto object = value.As<Napi::Object>();
  const auto set = [&](const char* key, double& to) {
    if (object.Has(key)) to = number(object, key);
  };
  optimizer.name = object.Get("name").ToString();
  set("beta1", optimizer.beta1);
  set("beta2", optimizer.beta2);
  set("epsilon", optimizer.epsilon);
  set("momentum", optimizer.momentum);
  set("decay", optimizer.decay);
  set("weightDecay", optimizer.weightDecay);
  set("clipNorm", optimizer.clipNorm);
  set("clipValue", optimizer.clipValue);
  optimizer.nesterov = object.Get("nesterov").ToBoolean();
  return optimizer;
}

}  // namespace

template <class T>
std::shared_ptr<Trainer<T>> readTrainer(const Napi::Object& spec) {
  const std::vector<int> input = indices(spec.Get("input"), "input");
  if (input.size() != 3) fail(spec.Env(), "input must be [height, width, channels]");
  Graph<T> graph({input[0], input[1], input[2]}, readNodes(spec), readWeights<T>(spec),
                 indices(spec.Get("outputs"), "outputs"));
  return std::make_shared<Trainer<T>>(std::move(graph), count(spec.Get("maxBatch"), "maxBatch"), readTerms(spec),
                                      readOptimizer(spec));
}

template std::shared_ptr<Trainer<float>> readTrainer<float>(const Napi::Object&);
template std::shared_ptr<Trainer<double>> readTrainer<double>(const Napi::Object&);

}  // namespace qrkd::addon
