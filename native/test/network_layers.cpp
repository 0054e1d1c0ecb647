// Every kind of layer: its gradients against finite differences in float64, float32 against float64, and every
// instruction set against the scalar one, on batches whose last panel is not full.
#include <algorithm>
#include <numeric>

#include "../core/isa.h"
#include "layer_run.h"

#ifdef QRKD_EMULATED_AVX512
namespace qrkd::avx512emulated {
const InstructionSet& instructionSet();
}
#endif

using namespace qrkd;
using namespace qrkd::network;

namespace {

constexpr std::size_t kSamples = 37;  // three panels of float32, five of float64, the last one not full

std::size_t product(std::initializer_list<int> factors) {
  return static_cast<std::size_t>(std::accumulate(factors.begin(), factors.end(), 1, std::multiplies<>()));
}

struct WindowCase {
  int kernelHeight, kernelWidth, strideY, strideX, dilationY, dilationX, padTop, padLeft, outHeight, outWidth;
};

LayerCase windowed(const std::string& kind, Shape input, WindowCase w, std::map<std::string, double> more,
                   std::vector<std::size_t> weights) {
  const std::string prefix = kind == "maxPool2d" || kind == "averagePool2d" ? "pool" : "kernel";
  more.insert({{prefix + "Height", w.kernelHeight},
               {prefix + "Width", w.kernelWidth},
               {"strideY", w.strideY},
               {"strideX", w.strideX},
               {"dilationY", w.dilationY},
               {"dilationX", w.dilationX},
               {"padTop", w.padTop},
               {"padLeft", w.padLeft},
               {"outHeight", w.outHeight},
               {"outWidth", w.outWidth}});
  return {{kind, {}, std::move(more), {}}, {input}, std::move(weights)};
}

// Windows with their inputs' height and width: plain, same, strided, dilated, uneven.
const std::vector<std::pair<Shape, WindowCase>>& windows() {
  static const std::vector<std::pair<Shape, WindowCase>> all = {
      {{6, 7, 0}, {3, 3, 1, 1, 1, 1, 1, 1, 6, 7}},  {{7, 5, 0}, {3, 2, 2, 1, 1, 1, 0, 0, 3, 4}},
      {{8, 9, 0}, {3, 3, 1, 2, 2, 2, 2, 1, 8, 4}},  {{5, 6, 0}, {5, 4, 3, 2, 1, 1, 2, 1, 2, 3}},
      {{4, 4, 0}, {1, 1, 1, 1, 1, 1, 0, 0, 4, 4}},  {{9, 3, 0}, {2, 3, 1, 1, 3, 1, 1, 1, 8, 3}},
      {{6, 6, 0}, {2, 2, 3, 3, 1, 1, 0, 0, 2, 2}},  {{1, 11, 0}, {1, 5, 1, 2, 1, 1, 0, 2, 1, 6}},
      {{10, 4, 0}, {4, 4, 2, 2, 1, 1, 1, 1, 5, 2}},
  };
  return all;
}

void addConvolutions(std::vector<LayerCase>& cases) {
  const std::pair<int, int> channels[] = {{1, 5}, {2, 7}, {5, 1}, {3, 3}, {4, 13}, {7, 6}, {6, 4}, {1, 1}, {8, 16}};
  for (std::size_t k = 0; k < windows().size(); ++k) {
    auto [shape, w] = windows()[k];
    const auto [in, out] = channels[k];
    shape.channels = in;
    const std::size_t kernel = product({w.kernelHeight, w.kernelWidth, in, out});
    const bool bias = k % 3 != 1;
    std::vector<std::size_t> weights = {kernel};
    if (bias) weights.push_back(product({out}));
    cases.push_back(windowed("conv2d", shape, w, {{"filters", out}, {"relu", k % 2}}, weights));
    const int multiplier = 1 + static_cast<int>(k) % 3;
    weights[0] = product({w.kernelHeight, w.kernelWidth, in, multiplier});
    if (bias) weights[1] = product({in, multiplier});
    cases.push_back(windowed("depthwiseConv2d", shape, w, {{"multiplier", multiplier}}, weights));
  }
  for (const auto& [inputs, units, bias] : {std::tuple(1, 1, true), {13, 10, true}, {70, 33, false}, {9, 64, true}}) {
    std::vector<std::size_t> weights = {product({inputs, units})};
    if (bias) weights.push_back(product({units}));
    cases.push_back({{"dense", {}, {{"units", units}, {"relu", bias}}, {}}, {{1, 1, inputs}}, weights});
  }
}

void addPooling(std::vector<LayerCase>& cases) {
  for (const char* kind : {"maxPool2d", "averagePool2d"}) {
    for (std::size_t k = 0; k < windows().size(); ++k) {
      auto [shape, w] = windows()[k];
      if (w.dilationY > 1 || w.dilationX > 1) continue;
      shape.channels = 1 + static_cast<int>(k) % 3;
      cases.push_back(windowed(kind, shape, w, {}, {}));
    }
    cases.push_back(windowed(kind, {6, 8, 3}, {2, 2, 2, 2, 1, 1, 0, 0, 3, 4}, {}, {}));  // no gaps
    cases.push_back(windowed(kind, {7, 9, 2}, {2, 2, 2, 2, 1, 1, 0, 0, 3, 4}, {}, {}));  // the last row and column left
    cases.push_back(windowed(kind, {7, 7, 2}, {2, 2, 2, 2, 1, 1, 0, 0, 4, 4}, {}, {}));  // same padding at the end
    cases.push_back(windowed(kind, {4, 5, 5}, {4, 5, 1, 1, 1, 1, 0, 0, 1, 1}, {}, {}));  // global
  }
  for (const auto& [height, width] : {std::pair(1, 1), {3, 2}, {5, 7}, {4, 5}}) {
    cases.push_back({{"adaptiveAveragePool2d", {}, {{"outHeight", height}, {"outWidth", width}}, {}}, {{7, 5, 3}}, {}});
  }
}

void addNormalization(std::vector<LayerCase>& cases) {
  for (const auto& [scale, center] : {std::pair(1, 1), {0, 1}, {1, 0}, {0, 0}}) {
    std::map<std::string, double> numbers = {
        {"epsilon", 1e-3}, {"momentum", 0.9}, {"scale", scale}, {"center", center}};
    for (const Shape& shape : {Shape{3, 4, 7}, Shape{1, 1, 5}}) {
      const std::vector<std::size_t> weights(static_cast<std::size_t>(2 + scale + center),
                                             static_cast<std::size_t>(shape.channels));
      cases.push_back({{"batchNormalization", {}, numbers, {}}, {shape}, weights});
    }
    numbers.erase("momentum");
    for (const int size : {6, 36}) {
      numbers["size"] = size;
      const std::vector<std::size_t> weights(static_cast<std::size_t>(scale + center), product({size}));
      cases.push_back({{"layerNormalization", {}, numbers, {}}, {{3, 2, 6}}, weights});
    }
  }
}

void addOthers(std::vector<LayerCase>& cases) {
  for (const char* kind : {"relu", "relu6", "selu", "gelu", "geluNew", "tanh", "sigmoid", "hardSigmoid", "swish",
                           "softplus", "mish", "softmax"}) {
    cases.push_back({{kind, {}, {}, {}}, {{2, 3, 5}}, {}});
  }
  for (const char* kind : {"leakyRelu", "elu"}) cases.push_back({{kind, {}, {{"alpha", 0.3}}, {}}, {{2, 3, 5}}, {}});
  for (const char* kind : {"add", "multiply", "subtract", "average", "maximum", "minimum"}) {
    cases.push_back({{kind, {}, {}, {}}, {{2, 3, 5}, {2, 3, 5}}, {}});
    if (std::string(kind) != "subtract") {
      cases.push_back({{kind, {}, {}, {}}, {{2, 3, 5}, {2, 3, 5}, {2, 3, 5}}, {}});
    }
  }
  cases.push_back({{"concatenate", {}, {}, {}}, {{2, 3, 5}, {2, 3, 1}, {2, 3, 4}}, {}});
  cases.push_back({{"zeroPadding2d", {}, {{"top", 1}, {"bottom", 2}, {"left", 0}, {"right", 3}}, {}}, {{2, 3, 2}}, {}});
  cases.push_back({{"zeroPadding2d", {}, {{"top", 0}, {"bottom", 0}, {"left", 2}, {"right", 0}}, {}}, {{1, 4, 1}}, {}});
  cases.push_back({{"dropout", {}, {{"rate", 0.4}, {"seed", 7}}, {}}, {{2, 3, 5}}, {}});
}

constexpr int kTokens = 5;  // of the vocabulary, of which the last one fills up sequences

void addSequences(std::vector<LayerCase>& cases) {
  for (const auto& [channels, units, relu] : {std::tuple(1, 1, 0), {7, 13, 1}, {12, 5, 0}}) {
    const auto matrix = product({channels, units}), bias = product({units});
    cases.push_back({{"pointwise", {}, {{"units", units}, {"relu", relu}}, {}}, {{1, 9, channels}}, {matrix, bias}});
    cases.push_back({{"pointwise", {}, {{"units", units}, {"relu", 0}}, {}}, {{3, 2, channels}}, {matrix}});
    cases.push_back({{"tokenProjection", {}, {{"units", units}}, {}}, {{1, 70, channels}}, {matrix}});
  }
  for (const auto& [length, heads, each, rate] :
       {std::tuple(1, 1, 1, 0.0), {21, 2, 5, 0.0}, {37, 3, 4, 0.0}, {19, 2, 3, 0.3}}) {
    const std::map<std::string, double> numbers = {{"heads", heads}, {"rate", rate}, {"seed", 3}};
    cases.push_back({{"causalAttention", {}, numbers, {}}, {{1, length, 3 * heads * each}}, {}});
  }
  for (const int width : {1, 6}) {
    const std::size_t embedding = product({kTokens, width});
    cases.push_back(
        {{"tokenEmbedding", {}, {{"vocabulary", kTokens}, {"width", width}}, {}}, {{1, 8, 1}}, {embedding}});
    cases.push_back({{"positionEmbedding", {}, {}, {}}, {{1, 8, width}}, {product({11, width})}});
    for (const auto& [last, padToken] : {std::pair(0, kTokens - 1), {1, kTokens - 1}, {0, -1}, {1, -1}}) {
      cases.push_back(
          {{"sequencePooling", {}, {{"last", last}, {"padToken", padToken}}, {}}, {{1, 6, width}, {1, 6, 1}}, {}});
    }
    for (const auto& [count, padToken] : {std::pair(1, kTokens - 1), {4, kTokens - 1}, {9, -1}}) {
      cases.push_back(
          {{"tokenSampling", {}, {{"count", count}, {"padToken", padToken}}, {}}, {{1, 6, width}, {1, 6, 1}}, {}});
    }
  }
}

// Which input of a layer is ids, which have no gradient; -1: none.
int idsOf(const LayerCase& what) {
  const std::string& kind = what.node.kind;
  return kind == "tokenEmbedding" ? 0 : kind == "sequencePooling" || kind == "tokenSampling" ? 1 : -1;
}

std::vector<LayerCase> allCases() {
  std::vector<LayerCase> cases;
  addConvolutions(cases);
  addPooling(cases);
  addNormalization(cases);
  addSequences(cases);
  addOthers(cases);
  return cases;
}

struct Values {
  Tensors inputs, weights;
  std::vector<double> outputGradient;
};

Values valuesOf(const LayerCase& what, unsigned seed) {
  Values values;
  for (const Shape& shape : what.inputs) {
    values.inputs.push_back(normals(kSamples * shape.size(), seed++, what.node.kind == "relu6" ? 4 : 1.5));
  }
  for (const std::size_t size : what.weights) values.weights.push_back(normals(size, seed++));
  if (idsOf(what) >= 0) {
    for (double& v : values.inputs[static_cast<std::size_t>(idsOf(what))]) {
      v = std::min(kTokens - 1.0, std::floor(2 * std::abs(v)));
    }
  }
  // The last weight of batch normalisation is a variance.
  if (what.node.kind == "batchNormalization") {
    for (double& v : values.weights.back()) v = v * v + 0.5;
  }
  const std::size_t out = LayerRun<double>(what, values.weights, 1).layer().outputShape().size();
  values.outputGradient = normals(kSamples * out, seed);
  return values;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Derivatives in random directions, one tensor at a time: any wrong value shows in almost all of them.
void checkGradients(const LayerCase& what, const Values& values, const LayerResult& result, unsigned seed) {
  constexpr double kStep = 1e-6;  // hardly ever across a kink
  const auto lossAt = [&](const Values& at) {
    return dot(LayerRun<double>(what, at.weights, kSamples).run(at.inputs, {}).output, values.outputGradient);
  };
  const auto direction = [&](Tensors Values::*of, std::size_t k, const std::vector<double>& gradient) {
    const auto d = normals(gradient.size(), seed++);
    Values above = values, below = values;
    for (std::size_t i = 0; i < d.size(); ++i) {
      (above.*of)[k][i] += kStep * d[i];
      (below.*of)[k][i] -= kStep * d[i];
    }
    const double expected = (lossAt(above) - lossAt(below)) / (2 * kStep);
    const double tolerance = 1e-6 * (1 + std::sqrt(dot(gradient, gradient)));
    check(std::abs(dot(gradient, d) - expected) < tolerance, "%s: gradient of %s %zu is %.10g, expected %.10g",
          what.name().c_str(), of == &Values::inputs ? "input" : "weight", k, dot(gradient, d), expected);
  };
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (std::size_t k = 0; k < values.inputs.size(); ++k) {
      if (static_cast<int>(k) != idsOf(what)) direction(&Values::inputs, k, result.inputGradients[k]);
    }
    for (std::size_t k = 0; k < values.weights.size(); ++k) direction(&Values::weights, k, result.weightGradients[k]);
  }
}

double differenceOf(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 1e-3, worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(b[i]));
    const double difference = std::abs(a[i] - b[i]);
    worst = difference <= worst ? worst : difference;  // NaN is the worst
  }
  return worst / largest;
}

void checkClose(const LayerCase& what, const LayerResult& a, const LayerResult& b, double tolerance, const char* how) {
  const auto check1 = [&](const std::vector<double>& x, const std::vector<double>& y, const char* name, std::size_t k) {
    const double difference = differenceOf(x, y);
    check(difference <= tolerance, "%s: %s %zu %s differs by %g of its largest, allowed %g", what.name().c_str(), name,
          k, how, difference, tolerance);
  };
  check1(a.output, b.output, "output", 0);
  for (std::size_t k = 0; k < b.inputGradients.size(); ++k) {
    check1(a.inputGradients[k], b.inputGradients[k], "gradient of input", k);
  }
  for (std::size_t k = 0; k < b.weightGradients.size(); ++k) {
    check1(a.weightGradients[k], b.weightGradients[k], "gradient of weight", k);
  }
  check(a.padding == 0, "%s: %g in the padding %s", what.name().c_str(), a.padding, how);
}

template <class T>
LayerResult resultOf(const LayerCase& what, const Values& values, bool shared = false) {
  return LayerRun<T>(what, values.weights, kSamples).run(values.inputs, values.outputGradient, true, 0, shared);
}

// Values that float32 can hold.
void roundValues(Values& values) {
  for (Tensors* tensors : {&values.inputs, &values.weights}) {
    for (auto& tensor : *tensors) {
      for (double& v : tensor) v = static_cast<float>(v);
    }
  }
}

void checkSet(const InstructionSet& set, const char* how, const std::vector<LayerCase>& cases) {
  unsigned seed = 1;
  for (const LayerCase& what : cases) {
    Values values = valuesOf(what, seed += 10);
    roundValues(values);
    selectInstructionSet(scalar::instructionSet());
    const LayerResult expected = resultOf<double>(what, values);
    selectInstructionSet(set);
    checkClose(what, resultOf<double>(what, values), expected, 1e-13, how);
    checkClose(what, resultOf<double>(what, values, true), expected, 1e-13, "in place");
    checkClose(what, resultOf<float>(what, values), expected, 1e-5, how);
  }
  std::printf("checked %s%s\n", set.name, how);
}

}  // namespace

int main() {
  const std::vector<LayerCase> cases = allCases();
  selectInstructionSet("scalar");
  unsigned seed = 1;
  for (const LayerCase& what : cases) {
    const Values values = valuesOf(what, seed += 10);
    checkGradients(what, values, resultOf<double>(what, values), seed + 1000);
  }
  for (const auto& name : supportedInstructionSets()) {
    selectInstructionSet(name);
    checkSet(instructionSet(), "", cases);
  }
#ifdef QRKD_EMULATED_AVX512
  checkSet(avx512emulated::instructionSet(), " (emulated)", cases);
#endif
  return finish("network layers");
}
