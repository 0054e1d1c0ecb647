#include "lane_gram.h"

#include <algorithm>

#include "isa.h"
#include "kernels/table.h"
#include "thread_pool.h"

namespace qrkd {
namespace {

// Shares of the amplitudes, each with a sum of its own, so that results do not depend on the number of threads.
constexpr std::size_t kShares = 64;

template <class T, class Body>
void shares(std::size_t amplitudes, Job& job, Body body) {
  const std::size_t count = std::min(kShares, std::max<std::size_t>(1, amplitudes / kGramChunk));
  parallelFor(count, laneOverlapFlops<T>(amplitudes), job,
              [&](std::size_t s, int) { body(s, s * amplitudes / count, (s + 1) * amplitudes / count); });
}

}  // namespace

template <class T>
std::vector<std::complex<double>> laneOverlaps(const WidePanel<T>& a, const WidePanel<T>& b, Job& job) {
  constexpr std::size_t W = kLanes<T>;
  std::vector<std::vector<double>> sums(kShares);
  shares<T>(a.amplitudes, job, [&](std::size_t s, std::size_t first, std::size_t last) {
    sums[s].assign(2 * W * W, 0.0);
    Buffer<T> tile(2 * W * W), sumsOfA(kGramChunk * W), differences(kGramChunk * W);
    for (std::size_t k = first; k < last; k += kGramChunk) {
      if (job.cancelled()) return;
      std::fill(tile.data(), tile.data() + tile.size(), T(0));
      const std::size_t length = std::min(kGramChunk, last - k);
      const T *left = a.data.data() + k * 2 * W, *right = b.data.data() + k * 2 * W;
      kernels<T>().partSums(left, 1, length, sumsOfA.data());
      kernels<T>().partSums(right, -1, length, differences.data());
      kernels<T>().gramTile(left, sumsOfA.data(), right, differences.data(), length, tile.data());
      for (std::size_t i = 0; i < tile.size(); ++i) sums[s][i] += tile[i];
    }
  });
  const std::size_t width = std::size_t{1} << a.laneQubits;
  std::vector<std::complex<double>> result(a.count * b.count);
  for (const auto& sum : sums) {
    if (sum.empty()) continue;
    for (std::size_t i = 0; i < a.count; ++i) {
      for (std::size_t j = 0; j < b.count; ++j) {
        for (std::size_t l = 0; l < width; ++l) {
          const std::size_t at = (j * width + l) * 2 * W + i * width + l;
          result[i * b.count + j] += std::complex<double>(sum[at], sum[at + W]);
        }
      }
    }
  }
  return result;
}

template <class T>
void laneCombine(const WidePanel<T>& psi, const std::vector<std::complex<double>>& coefficient, WidePanel<T>& lambda,
                 Job& job) {
  constexpr std::size_t W = kLanes<T>;
  const std::size_t width = std::size_t{1} << psi.laneQubits;
  Buffer<T> weights(2 * W * W);
  std::fill(weights.data(), weights.data() + weights.size(), T(0));
  for (std::size_t i = 0; i < lambda.count; ++i) {
    for (std::size_t j = 0; j < psi.count; ++j) {
      for (std::size_t l = 0; l < width; ++l) {
        const std::size_t at = (j * width + l) * 2 * W + i * width + l;
        weights[at] = static_cast<T>(coefficient[i * psi.count + j].real());
        weights[at + W] = static_cast<T>(coefficient[i * psi.count + j].imag());
      }
    }
  }
  Buffer<T> sumsOfWeights(W * W);
  kernels<T>().partSums(weights.data(), 1, W, sumsOfWeights.data());
  std::fill(lambda.data.data(), lambda.data.data() + lambda.data.size(), T(0));
  shares<T>(psi.amplitudes, job, [&](std::size_t, std::size_t first, std::size_t last) {
    Buffer<T> differences(kGramChunk * W);
    for (std::size_t k = first; k < last; k += kGramChunk) {
      const std::size_t length = std::min(kGramChunk, last - k);
      const T *source = psi.data.data() + k * 2 * W, *difference = differences.data();
      kernels<T>().partSums(source, -1, length, differences.data());
      kernels<T>().applyTile(&source, &difference, weights.data(), sumsOfWeights.data(), 1, length,
                             lambda.data.data() + k * 2 * W);
    }
  });
}

template struct WidePanel<float>;
template struct WidePanel<double>;
template std::vector<std::complex<double>> laneOverlaps(const WidePanel<float>&, const WidePanel<float>&, Job&);
template std::vector<std::complex<double>> laneOverlaps(const WidePanel<double>&, const WidePanel<double>&, Job&);
template void laneCombine(const WidePanel<float>&, const std::vector<std::complex<double>>&, WidePanel<float>&, Job&);
template void laneCombine(const WidePanel<double>&, const std::vector<std::complex<double>>&, WidePanel<double>&, Job&);

}  // namespace qrkd
