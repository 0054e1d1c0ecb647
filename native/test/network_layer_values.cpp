// What layers compute, against direct sums, the C library and published numbers: windows, activations over their whole
// range, ties, statistics and moving averages, random masks.
#include <algorithm>
#include <functional>
#include <stdexcept>

#include "../core/isa.h"
#include "layer_run.h"

using namespace qrkd;
using namespace qrkd::network;

namespace {

LayerCase simple(const std::string& kind, std::map<std::string, double> numbers, Shape input,
                 std::vector<std::size_t> weights = {}) {
  return {{kind, {}, std::move(numbers), {}}, {input}, std::move(weights)};
}

double largestDifference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : 1e300;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

constexpr std::size_t kSamples = 19;

// Calls f(sample, oy, ox, iy, ix, ky, kx) for every pair of a window's places and the input's pixels.
template <class F>
void eachTap(const std::map<std::string, double>& n, int height, int width, int outHeight, int outWidth,
             const std::string& prefix, const F& f) {
  const auto get = [&](const std::string& key) { return static_cast<int>(n.at(key)); };
  for (int oy = 0; oy < outHeight; ++oy) {
    for (int ox = 0; ox < outWidth; ++ox) {
      for (int ky = 0; ky < get(prefix + "Height"); ++ky) {
        for (int kx = 0; kx < get(prefix + "Width"); ++kx) {
          const int iy = oy * get("strideY") - get("padTop") + ky * get("dilationY");
          const int ix = ox * get("strideX") - get("padLeft") + kx * get("dilationX");
          if (iy >= 0 && iy < height && ix >= 0 && ix < width) f(oy, ox, iy, ix, ky, kx);
        }
      }
    }
  }
}

void checkWindows() {
  const Shape in{7, 6, 3};
  std::map<std::string, double> n = {{"strideY", 2},    {"strideX", 1},   {"padTop", 1},       {"padLeft", 1},
                                     {"outHeight", 3},  {"outWidth", 6},  {"kernelHeight", 3}, {"kernelWidth", 2},
                                     {"poolHeight", 3}, {"poolWidth", 2}, {"relu", 0},         {"filters", 5},
                                     {"multiplier", 2}};
  const auto x = normals(kSamples * in.size(), 1), kernel = normals(3 * 2 * 3 * 5, 2), bias = normals(6, 3);
  const auto input = [&](std::size_t s, int y, int xx, int c) {
    return x[s * in.size() + static_cast<std::size_t>((y * in.width + xx) * in.channels + c)];
  };
  for (const std::string kind : {"conv2d", "depthwiseConv2d", "maxPool2d", "averagePool2d"}) {
    const bool convolves = kind == "conv2d", depthwise = kind == "depthwiseConv2d", largest = kind == "maxPool2d";
    n["dilationY"] = n["dilationX"] = convolves || depthwise ? 2 : 1;
    const int channels = convolves ? 5 : depthwise ? 6 : 3;
    const Shape out{3, 6, channels};
    std::vector<double> expected(kSamples * out.size(), largest ? -1e300 : 0.0), counts(out.pixels(), 0);
    eachTap(n, in.height, in.width, 3, 6, "kernel", [&](int oy, int ox, int iy, int ix, int ky, int kx) {
      const std::size_t pixel = static_cast<std::size_t>(oy * 6 + ox);
      ++counts[pixel];
      for (std::size_t s = 0; s < kSamples; ++s) {
        for (int o = 0; o < channels; ++o) {
          double& y = expected[s * out.size() + pixel * out.channels + static_cast<std::size_t>(o)];
          if (convolves) {
            for (int c = 0; c < 3; ++c) {
              y += input(s, iy, ix, c) * kernel[static_cast<std::size_t>(((ky * 2 + kx) * 3 + c) * 5 + o)];
            }
          } else if (depthwise) {
            y += input(s, iy, ix, o / 2) * kernel[static_cast<std::size_t>((ky * 2 + kx) * 6 + o)];
          } else {
            y = largest ? std::max(y, input(s, iy, ix, o)) : y + input(s, iy, ix, o);
          }
        }
      }
    });
    for (std::size_t k = 0; k < expected.size(); ++k) {
      if (convolves || depthwise) expected[k] += bias[k % static_cast<std::size_t>(channels)];
      if (kind == "averagePool2d") expected[k] /= counts[k / out.channels % out.pixels()];
    }
    Tensors weights;
    if (convolves) weights = {kernel, {bias.begin(), bias.begin() + 5}};
    if (depthwise) weights = {{kernel.begin(), kernel.begin() + 36}, bias};
    const LayerCase what = simple(kind, n, in);
    const auto result = LayerRun<double>(what, weights, kSamples).run({x}, {}).output;
    check(largestDifference(result, expected) < 1e-13, "%s differs from the direct sum by %g", kind.c_str(),
          largestDifference(result, expected));
  }
}

void checkActivations() {
  const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
  const double scale = 1.0507009873554805, alpha = 1.6732632423543772;
  const std::pair<const char*, std::function<double(double)>> all[] = {
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"relu6", [](double x) { return std::min(std::max(x, 0.0), 6.0); }},
      {"leakyRelu", [](double x) { return x > 0 ? x : 0.25 * x; }},
      {"elu", [](double x) { return x > 0 ? x : 0.25 * std::expm1(x); }},
      {"selu", [&](double x) { return scale * (x > 0 ? x : alpha * std::expm1(x)); }},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"sigmoid", logistic},
      {"softplus", [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }},
      {"hardSigmoid", [](double x) { return std::min(std::max(0.2 * x + 0.5, 0.0), 1.0); }},
      {"swish", [&](double x) { return x * logistic(x); }},
      {"gelu", [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }},
      {"geluNew", [&](double x) { return x * logistic(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)); }},
      {"mish", [](double x) { return x * std::tanh(std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)))); }},
  };
  std::vector<double> x;
  for (int i = -4000; i <= 4000; ++i) x.push_back(static_cast<float>(i * 0.005 + (i % 7) * 1e-4));
  for (const double v : {1e-8, -1e-8, 1e-4, -1e-4, 50.0, -50.0, 80.0, -80.0, 300.0, -300.0, 0.0}) x.push_back(v);
  x[5] = 6;
  for (auto& [kind, f] : all) {
    const LayerCase what = simple(kind, {{"alpha", 0.25}}, {1, 1, static_cast<int>(x.size())});
    const auto y64 = LayerRun<double>(what, {}, 1).run({x}, {}).output;
    const auto y32 = LayerRun<float>(what, {}, 1).run({x}, {}).output;
    const double smallest = std::string(kind) == "hardSigmoid" ? 1 : 1e-3;
    double worst64 = 0, worst32 = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      // Relative to the value, where that is not far below both 1 and the argument: e^(-x^2 / 2) magnifies roundings,
      // and 0.2 x + 0.5 passes through 0.
      const double expected = f(static_cast<double>(static_cast<float>(x[i])));
      const double size = std::max(std::abs(expected), smallest * std::min(1.0, std::abs(x[i])));
      if (static_cast<double>(static_cast<float>(x[i])) == x[i]) {
        worst64 = std::max(worst64, size > 0 ? std::abs(y64[i] - expected) / size : std::abs(y64[i]));
      }
      worst32 = std::max(worst32, size > 0 ? std::abs(y32[i] - expected) / size : std::abs(y32[i]));
    }
    check(worst64 < 4e-15, "%s: relative error %g in float64", kind, worst64);
    check(worst32 < 1e-6, "%s: relative error %g in float32", kind, worst32);
    const auto nan = LayerRun<float>(what, {}, 1).run({std::vector<double>(x.size(), std::nan(""))}, {}).output;
    check(std::all_of(nan.begin(), nan.end(), [](double v) { return std::isnan(v); }), "%s hides NaN", kind);
  }
}

void checkTies() {
  std::map<std::string, double> n = {{"strideY", 1},   {"strideX", 1},  {"padTop", 0},     {"padLeft", 0},
                                     {"outHeight", 2}, {"outWidth", 2}, {"poolHeight", 2}, {"poolWidth", 2}};
  const std::vector<double> x = {0, 0, 1, 0, 0, 1, 2, 2, 0};
  LayerRun<float> pool(simple("maxPool2d", n, {3, 3, 1}), {}, 1);
  const auto gradient = pool.run({x}, {1, 10, 100, 1000}).inputGradients[0];
  const std::vector<double> expected = {1, 0, 10, 0, 0, 0, 100, 1000, 0};
  check(gradient == expected, "maxPool2d: the gradient goes to the first of equal values");
  for (const char* kind : {"maximum", "minimum"}) {
    const LayerCase what = {{kind, {}, {}, {}}, {{1, 1, 2}, {1, 1, 2}, {1, 1, 2}}, {}};
    const auto gradients = LayerRun<float>(what, {}, 1).run({{1, 2}, {1, 2}, {1, 2}}, {3, 4}).inputGradients;
    check(gradients == Tensors({{3, 4}, {0, 0}, {0, 0}}), "%s: the gradient goes to the first of equal inputs", kind);
  }
  // Kinks, as tfjs has them.
  const auto slope = [](const char* kind, double at) {
    return LayerRun<double>(simple(kind, {{"alpha", 0.25}}, {1, 1, 1}), {}, 1).run({{at}}, {1}).inputGradients[0][0];
  };
  check(slope("relu", 0) == 0 && slope("relu6", 0) == 0 && slope("relu6", 6) == 0 && slope("leakyRelu", 0) == 0.25,
        "derivatives at kinks");
}

template <class T>
void checkBatchNormalization() {
  // Far from 0, so that a careless variance would cancel.
  const Shape shape{2, 3, 2};
  auto x = normals(kSamples * shape.size(), 5);
  for (double& v : x) v = static_cast<float>(v + 1000);
  const double epsilon = 1e-3, momentum = 0.9;
  const std::map<std::string, double> n = {{"epsilon", epsilon}, {"momentum", momentum}, {"scale", 1}, {"center", 1}};
  const Tensors weights = {{1.5, -0.5}, {0.25, 2}, {3, 4}, {0.5, 2}};
  LayerRun<T> run(simple("batchNormalization", n, shape), weights, kSamples);
  const double tolerance = sizeof(T) == 4 ? 2e-4 : 1e-10;
  const auto y = run.run({x}, {}).output;
  check(run.weight(2)[0] == T(3) && run.weight(3)[0] == T(0.5),
        "batchNormalization: statistics move after the step only");
  run.layer().stepTaken();
  run.layer().weightsChanged();
  run.layer().stepTaken();  // no batch since
  const auto inference = run.run({x}, {}, false).output;
  for (std::size_t c = 0; c < 2; ++c) {
    const double count = static_cast<double>(x.size()) / 2;
    double mean = 0, variance = 0;
    for (std::size_t k = c; k < x.size(); k += 2) mean += x[k] / count;
    for (std::size_t k = c; k < x.size(); k += 2) variance += (x[k] - mean) * (x[k] - mean) / count;
    const double movingMean = weights[2][c] * momentum + mean * (1 - momentum);
    const double movingVariance = weights[3][c] * momentum + variance * (1 - momentum);
    check(std::abs(static_cast<double>(run.weight(2)[c]) - movingMean) < tolerance, "moving mean");
    check(std::abs(static_cast<double>(run.weight(3)[c]) - movingVariance) < tolerance, "moving variance");
    for (std::size_t k = c; k < x.size(); k += 2) {
      const double trained = (x[k] - mean) / std::sqrt(variance + epsilon) * weights[0][c] + weights[1][c];
      const double applied = (x[k] - movingMean) / std::sqrt(movingVariance + epsilon) * weights[0][c] + weights[1][c];
      check(std::abs(y[k] - trained) < tolerance, "batchNormalization while training");
      check(std::abs(inference[k] - applied) < tolerance * 10, "batchNormalization after training");
    }
  }
}

// Philox4x32-10 as published (Salmon et al. 2011), word by word.
std::vector<std::uint32_t> philox(std::vector<std::uint32_t> c, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xd2511f53} * c[0], b = std::uint64_t{0xcd9e8d57} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  return c;
}

template <class T>
void checkDropout() {
  // Answers published with the generator (Random123).
  check(philox({0, 0, 0, 0}, 0, 0) == std::vector<std::uint32_t>({0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}) &&
            philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0) ==
                std::vector<std::uint32_t>({0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}),
        "philox");
  const double rate = 0.375;
  const std::uint64_t seed = 0x123456789abcd, step = 0x200000003;
  const Shape shape{3, 3, 31};
  const auto x = normals(kSamples * shape.size(), 6), dy = normals(kSamples * shape.size(), 7);
  LayerRun<T> run(simple("dropout", {{"rate", rate}, {"seed", static_cast<double>(seed)}}, shape), {}, kSamples);
  const auto result = run.run({x}, dy, true, step);
  std::size_t wrong = 0, kept = 0;
  for (std::size_t s = 0; s < kSamples; ++s) {
    for (std::size_t e = 0; e < shape.size(); ++e) {
      const std::uint32_t word =
          philox({static_cast<std::uint32_t>(e / 4), static_cast<std::uint32_t>(s), static_cast<std::uint32_t>(step),
                  static_cast<std::uint32_t>(step >> 32)},
                 static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32))[e % 4];
      const double factor = word < (1 - rate) * 0x1p32 ? 1 / (1 - rate) : 0;
      const std::size_t k = s * shape.size() + e;
      wrong += std::abs(result.output[k] - x[k] * factor) > 1e-6 * std::abs(x[k]) ||
               std::abs(result.inputGradients[0][k] - dy[k] * factor) > 1e-6 * std::abs(dy[k]);
      kept += factor > 0;
    }
  }
  check(wrong == 0, "dropout: %zu values differ from the generator's mask", wrong);
  const double expected = (1 - rate) * static_cast<double>(x.size());
  check(std::abs(static_cast<double>(kept) - expected) < 5 * std::sqrt(expected * rate), "dropout keeps %zu of %zu",
        kept, x.size());
  check(run.run({x}, {}, true, step + 1).output != result.output, "dropout: another mask at the next step");
  const auto untouched = run.run({x}, {}, false).output;
  check(largestDifference(untouched, x) < 1e-6, "dropout is the identity outside of training");
}

void checkErrors() {
  const auto rejects = [](const LayerCase& what, const char* why) {
    Tensors weights;
    for (const std::size_t size : what.weights) weights.emplace_back(size, 1.0);
    try {
      LayerRun<float>(what, weights, 1);
      check(false, "not rejected: %s", why);
    } catch (const std::invalid_argument&) {
    }
  };
  rejects(simple("nonsense", {}, {1, 1, 1}), "an unknown kind");
  rejects(simple("leakyRelu", {{"alpha", -1}}, {1, 1, 1}), "a negative slope");
  rejects(simple("elu", {}, {1, 1, 1}), "a missing number");
  rejects(simple("dropout", {{"rate", 1}, {"seed", 0}}, {1, 1, 1}), "a rate of 1");
  rejects({{"add", {}, {}, {}}, {{1, 1, 2}, {1, 1, 3}}, {}}, "different shapes");
  rejects({{"subtract", {}, {}, {}}, {{1, 1, 2}, {1, 1, 2}, {1, 1, 2}}, {}}, "three operands of a difference");
  rejects({{"concatenate", {}, {}, {}}, {{1, 2, 2}, {1, 1, 2}}, {}}, "different widths");
  rejects(simple("batchNormalization", {{"epsilon", 1}, {"momentum", 1}, {"scale", 1}, {"center", 1}}, {1, 1, 2},
                 {2, 2, 2, 3}),
          "a variance too many");
  rejects(simple("layerNormalization", {{"epsilon", 1}, {"scale", 0}, {"center", 0}, {"size", 2}}, {1, 1, 3}),
          "a size that does not divide");
  rejects(simple("averagePool2d",
                 {{"strideY", 3},
                  {"strideX", 1},
                  {"padTop", 0},
                  {"padLeft", 0},
                  {"outHeight", 2},
                  {"outWidth", 1},
                  {"poolHeight", 1},
                  {"poolWidth", 1}},
                 {3, 1, 1}),
          "a window without a value");
}

}  // namespace

int main() {
  for (const auto& name : supportedInstructionSets()) {
    selectInstructionSet(name);
    checkWindows();
    checkActivations();
    checkTies();
    checkBatchNormalization<float>();
    checkBatchNormalization<double>();
    checkDropout<float>();
    checkDropout<double>();
  }
  checkErrors();
  return finish("values of network layers");
}
