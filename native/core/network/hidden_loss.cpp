#include "hidden_loss.h"

#include <algorithm>
#include <cmath>

#include "../isa.h"
#include "../thread_pool.h"

namespace qrkd::network {
namespace {

// Norms below this divide as if they were it; there the gradient is 0.
constexpr double kLeastNorm = 1e-8;

struct Sums {
  double loss = 0, square = 0;
};

}  // namespace

template <class T>
TermResult hiddenLoss(Network<T>& network, std::size_t output, const TokenBatch& batch, double weight, Job& job) {
  constexpr std::size_t W = kLanes<T>;
  const Shape& shape = network.outputShape(output);
  const std::size_t tokens = shape.pixels(), width = static_cast<std::size_t>(shape.channels),
                    rows = batch.samples * tokens;
  const auto counts = [&](std::size_t sample, std::size_t t) {
    return sample < batch.samples && (batch.labels == nullptr || batch.labels[sample * tokens + t] >= 0);
  };
  const double counted = batch.labels == nullptr
                             ? static_cast<double>(rows)
                             : static_cast<double>(std::count_if(batch.labels, batch.labels + rows,
                                                                 [](auto label) { return label >= 0; }));
  std::vector<Sums> sums(network.panels());
  const double flops = 20 * static_cast<double>(network.panels() * shape.size()) * W;
  parallelFor(sums.size(), flops, job, [&](std::size_t panel, int) {
    const auto product = networkKernels<T>().lineProduct;
    const LineProduct dot{1, 1, width, 0, 1, 0, 1, 0, 0}, scaled{width, 1, 1, 1, 0, 0, 0, 1, 0};
    Buffer<T> buffer((width + 5) * W);
    T *z = buffer.data(), *lines = z + width * W, *along = lines + 3 * W, *towards = along + W;
    T* gradients = network.outputGradientLanes(output, panel);
    for (std::size_t t = 0; t < tokens; ++t) {
      const T* x = network.outputLanes(output, panel) + t * width * W;
      for (std::size_t lane = 0; lane < W; ++lane) {
        const std::size_t sample = panel * W + lane;
        const float* from = sample < batch.samples ? batch.teacher[sample] + t * width : nullptr;
        for (std::size_t c = 0; c < width; ++c) z[c * W + lane] = from == nullptr ? T(0) : static_cast<T>(from[c]);
      }
      product(dot, T(1), x, x, 0, lines);
      product(dot, T(1), x, z, 0, lines + W);
      product(dot, T(1), z, z, 0, lines + 2 * W);
      for (std::size_t lane = 0; lane < W; ++lane) {
        along[lane] = towards[lane] = 0;
        if (!counts(panel * W + lane, t)) continue;
        const double ss = lines[lane], st = lines[W + lane], tt = lines[2 * W + lane];
        // In this order of its arguments std::max lets NaN through.
        const double s = std::max(std::sqrt(ss), kLeastNorm), other = std::max(std::sqrt(tt), kLeastNorm);
        const double cosine = st / (s * other);
        sums[panel].loss += 1 - cosine;
        if (std::sqrt(ss) < kLeastNorm) continue;
        const double a = cosine / (s * s), b = -1 / (s * other);
        sums[panel].square += a * a * ss + 2 * a * b * st + b * b * tt;
        along[lane] = static_cast<T>(weight * a / counted);
        towards[lane] = static_cast<T>(weight * b / counted);
      }
      if (gradients == nullptr) continue;
      T* gradient = gradients + t * width * W;
      product(scaled, T(1), x, along, 0, gradient);
      product(scaled, T(1), z, towards, 1, gradient);
    }
  });
  TermResult result;
  if (counted == 0) return result;
  for (const Sums& part : sums) {
    result.raw += part.loss / counted;
    result.gradientNorm += part.square;
  }
  result.gradientNorm = std::sqrt(result.gradientNorm) / counted;
  return result;
}

template TermResult hiddenLoss<float>(Network<float>&, std::size_t, const TokenBatch&, double, Job&);
template TermResult hiddenLoss<double>(Network<double>&, std::size_t, const TokenBatch&, double, Job&);

}  // namespace qrkd::network
