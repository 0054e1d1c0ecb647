#include "specification.h"

#include <string>
#include <utility>
#include <vector>

#include "../core/bloch.h"
#include "../core/euclidean.h"
#include "../core/product_kernel.h"
#include "../core/state_kernel.h"
#include "../core/vector_kernel.h"
#include "arguments.h"

namespace qrkd::addon {
namespace {

constexpr int kMostQubits = 30;

// Whether these are the boundaries of consecutive parts of something with `total` elements.
bool areStarts(const std::vector<int>& starts, std::size_t parts, std::size_t total) {
  if (starts.size() != parts + 1 || starts.front() != 0 || starts.back() != static_cast<int>(total)) return false;
  for (std::size_t k = 0; k < parts; ++k) {
    if (starts[k] > starts[k + 1]) return false;
  }
  return true;
}

AngleMap readMap(const Napi::Object& spec) {
  const auto object = spec.Get("map").As<Napi::Object>();
  AngleMap map;
  map.features = static_cast<std::size_t>(number(spec, "features"));
  map.parameters = static_cast<std::size_t>(number(spec, "parameters"));
  map.starts = integers(object, "starts");
  const auto coefficients = numbers(object, "coefficients");
  const auto factorStarts = integers(object, "factorStarts");
  const auto variables = integers(object, "variables"), functions = integers(object, "functions");
  const auto offsets = numbers(object, "offsets"), scales = numbers(object, "scales");
  const std::size_t factors = variables.size();
  if (map.starts.empty() || !areStarts(map.starts, map.starts.size() - 1, coefficients.size()) ||
      !areStarts(factorStarts, coefficients.size(), factors) || offsets.size() != factors || scales.size() != factors ||
      functions.size() != factors) {
    fail(spec.Env(), "inconsistent angle map");
  }
  for (std::size_t t = 0; t < coefficients.size(); ++t) {
    map.terms.push_back({coefficients[t], factorStarts[t], factorStarts[t + 1]});
  }
  for (std::size_t f = 0; f < factors; ++f) {
    if (variables[f] < 0 || static_cast<std::size_t>(variables[f]) >= map.variables()) fail(spec.Env(), "bad variable");
    if (functions[f] < 0 || functions[f] > 1) fail(spec.Env(), "bad function");
    map.factors.push_back({variables[f], offsets[f], scales[f], static_cast<AngleFunction>(functions[f])});
  }
  return map;
}

Circuit readCircuit(const Napi::Object& spec) {
  Circuit circuit;
  circuit.qubits = static_cast<int>(number(spec, "qubits"));
  circuit.map = readMap(spec);
  const auto kinds = integers(spec, "kinds"), angles = integers(spec, "angles");
  const auto starts = integers(spec, "qubitStarts"), qubits = integers(spec, "gateQubits");
  const auto scales = numbers(spec, "scales"), matrices = numbers(spec, "matrices");
  if (circuit.qubits < 1 || angles.size() != kinds.size() || scales.size() != kinds.size() ||
      !areStarts(starts, kinds.size(), qubits.size())) {
    fail(spec.Env(), "inconsistent circuit");
  }
  std::size_t at = 0;
  for (std::size_t g = 0; g < kinds.size(); ++g) {
    if (kinds[g] < 0 || kinds[g] >= kGates) fail(spec.Env(), "unknown gate");
    Operation op{static_cast<Gate>(kinds[g]), {}, angles[g], scales[g], {}};
    op.qubits.assign(qubits.begin() + starts[g], qubits.begin() + starts[g + 1]);
    if (op.gate == Gate::kUnitary && op.qubits.size() <= 3) {
      const std::size_t entries = std::size_t{1} << 2 * op.qubits.size();
      if (at + 2 * entries > matrices.size()) fail(spec.Env(), "too few matrix entries");
      for (std::size_t k = 0; k < entries; ++k, at += 2) op.matrix.emplace_back(matrices[at], matrices[at + 1]);
    }
    circuit.operations.push_back(std::move(op));
  }
  validate(circuit);
  if (circuit.qubits > kMostQubits && !isProduct(circuit)) fail(spec.Env(), "1 to 30 qubits");
  return circuit;
}

// One of the kinds of classical kernel; false for any other kind.
bool readEuclidean(const Napi::Object& spec, EuclideanSpec& out) {
  const std::string kind = spec.Get("kind").ToString();
  if (kind == "rbf") {
    out.kind = EuclideanSpec::Kind::kRbf;
    out.gamma = number(spec, "gamma");
  } else if (kind == "linear") {
    out.kind = EuclideanSpec::Kind::kLinear;
  } else if (kind == "matern") {
    out.kind = EuclideanSpec::Kind::kMatern;
    out.nu = number(spec, "nu");
    out.length = number(spec, "length");
  } else {
    return false;
  }
  return true;
}

template <class T>
std::shared_ptr<Kernel<T>> fidelity(Circuit circuit) {
  if (isProduct(circuit)) return std::make_shared<ProductKernel<T>>(ProductCircuit(circuit));
  return std::make_shared<StateKernel<T>>(std::move(circuit));
}

}  // namespace

template <class T>
std::shared_ptr<Kernel<T>> readKernel(const Napi::Object& spec) {
  const std::string kind = spec.Get("kind").ToString();
  const auto features = static_cast<std::size_t>(number(spec, "features"));
  EuclideanSpec euclidean;
  if (kind == "circuit") return fidelity<T>(readCircuit(spec));
  if (kind == "projected") {
    if (!readEuclidean(spec.Get("inner").As<Napi::Object>(), euclidean)) fail(spec.Env(), "unknown inner kernel");
    Circuit circuit = readCircuit(spec);
    const std::size_t size = 3 * static_cast<std::size_t>(circuit.qubits);
    return std::make_shared<ProjectedKernel<T>>(blochMap<T>(std::move(circuit)), makeEuclidean<T>(size, euclidean));
  }
  if (kind == "vector") {
    const bool zero = spec.Get("zeroVectors").ToBoolean();
    return std::make_shared<VectorKernel<T>>(features, zero ? ZeroVector::kZero : ZeroVector::kError);
  }
  if (readEuclidean(spec, euclidean)) return makeEuclidean<T>(features, euclidean);
  fail(spec.Env(), "unknown kernel kind " + kind);
}

template std::shared_ptr<Kernel<float>> readKernel(const Napi::Object&);
template std::shared_ptr<Kernel<double>> readKernel(const Napi::Object&);

}  // namespace qrkd::addon
