#include "gram.h"

#include <algorithm>
#include <vector>

#include "isa.h"
#include "thread_pool.h"

namespace qrkd {
namespace {

// Float32 tiles are added to a double tile after this many amplitudes: beyond it the sum of many chunks loses digits.
// Also how often a block of large states asks whether its job was cancelled.
constexpr std::size_t kSpan = 8192;

// A square block of tiles shares its operands while they are in the L2 cache: each 8 KiB chunk of a panel is used by
// `block` tiles. The largest blocks keep 128 KiB of operands and as much of tiles there; few panels make small blocks,
// so that there is something for every thread.
std::size_t blockSize(std::size_t panels) { return panels >= 32 ? 8 : panels >= 16 ? 4 : panels >= 8 ? 2 : 1; }

template <class T>
void finish(const T* tile, bool complex, std::size_t i0, std::size_t j0, std::size_t rows, std::size_t columns,
            bool mirror, T* out) {
  constexpr int W = kLanes<T>;
  T square[W * W];  // [j][i]
  for (int j = 0; j < W; ++j) {
    const T* re = tile + j * (complex ? 2 * W : W);
    for (int i = 0; i < W; ++i) square[j * W + i] = complex ? re[i] * re[i] + re[W + i] * re[W + i] : re[i] * re[i];
  }
  if (mirror && i0 == j0) {
    for (int i = 0; i < W; ++i) {
      for (int j = 0; j < i; ++j) square[j * W + i] = square[i * W + j];
    }
  }
  const std::size_t iEnd = std::min<std::size_t>(W, rows - i0), jEnd = std::min<std::size_t>(W, columns - j0);
  for (std::size_t i = 0; i < iEnd; ++i) {
    T* row = out + (i0 + i) * columns + j0;
    for (std::size_t j = 0; j < jEnd; ++j) row[j] = square[j * W + i];
  }
  if (mirror && i0 != j0) {
    for (std::size_t j = 0; j < jEnd; ++j) {
      std::copy(square + j * W, square + j * W + iEnd, out + (j0 + j) * columns + i0);
    }
  }
}

}  // namespace

double gramFlops(std::size_t rows, std::size_t columns, bool symmetric, std::size_t length, bool complex) {
  const double pairs = static_cast<double>(rows) * static_cast<double>(columns) * (symmetric ? 0.5 : 1.0);
  return pairs * static_cast<double>(length) * (complex ? 8 : 2);
}

template <class T>
void gramMatrix(const Panels<T>& a, const Panels<T>* b, T* out, Overlaps<T>* keep, Job& job) {
  constexpr std::size_t W = kLanes<T>;
  const bool symmetric = b == nullptr;
  const Panels<T>& other = symmetric ? a : *b;
  const std::size_t rowPanels = a.panels(), columnPanels = other.panels();
  const std::size_t tileSize = W * a.width();
  const std::size_t block = std::min(blockSize(rowPanels), blockSize(columnPanels));
  const bool twoLevels = sizeof(T) == 4 && a.length > kSpan;
  if (out != nullptr) adviseLarge(out, a.count * other.count * sizeof(T));
  if (keep != nullptr) {
    keep->symmetric = symmetric;
    keep->columns = columnPanels;
    keep->tileSize = tileSize;
    keep->tiles = Buffer<T>((symmetric ? rowPanels * (rowPanels + 1) / 2 : rowPanels * columnPanels) * tileSize);
  }

  struct Block {
    std::size_t i, j;
  };
  // Blocks on the diagonal have half the tiles: they come last, and even out what the threads have left.
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < rowPanels; i += block) {
    for (std::size_t j = symmetric ? i + block : 0; j < columnPanels; j += block) blocks.push_back({i, j});
  }
  for (std::size_t i = 0; symmetric && i < rowPanels; i += block) blocks.push_back({i, i});
  const auto& kernel = kernels<T>();
  const double flops = gramFlops(a.count, other.count, symmetric, a.length, a.complex);

  struct Scratch {
    Buffer<T> tiles, sums, differences;
    Buffer<double> totals;
  };
  std::vector<Scratch> scratch(threads());
  parallelFor(blocks.size(), flops, job, [&](std::size_t item, int worker) {
    const auto [i0, j0] = blocks[item];
    const std::size_t iEnd = std::min(i0 + block, rowPanels), jEnd = std::min(j0 + block, columnPanels);
    auto& [tile, sums, differences, totals] = scratch[worker];
    constexpr std::size_t kPart = kGramChunk * W;
    if (tile.size() == 0) {
      tile = Buffer<T>(block * block * tileSize);
      if (a.complex) {
        sums = Buffer<T>(block * kPart);
        differences = Buffer<T>(block * kPart);
      }
      if (twoLevels) totals = Buffer<double>(tile.size());
    }
    std::fill(tile.data(), tile.data() + tile.size(), T(0));
    std::fill(totals.data(), totals.data() + totals.size(), 0.0);
    for (std::size_t k = 0; k < a.length; k += kGramChunk) {
      const std::size_t length = std::min(kGramChunk, a.length - k), at = k * a.width();
      for (std::size_t i = i0; a.complex && i < iEnd; ++i) {
        kernel.partSums(a.panel(i) + at, 1, length, sums.data() + (i - i0) * kPart);
      }
      for (std::size_t j = j0; a.complex && j < jEnd; ++j) {
        kernel.partSums(other.panel(j) + at, -1, length, differences.data() + (j - j0) * kPart);
      }
      for (std::size_t i = i0; i < iEnd; ++i) {
        for (std::size_t j = symmetric ? std::max(i, j0) : j0; j < jEnd; ++j) {
          T* target = tile.data() + ((i - i0) * block + (j - j0)) * tileSize;
          if (a.complex) {
            kernel.gramTile(a.panel(i) + at, sums.data() + (i - i0) * kPart, other.panel(j) + at,
                            differences.data() + (j - j0) * kPart, length, target);
          } else {
            kernel.gramTileReal(a.panel(i) + at, other.panel(j) + at, length, target);
          }
        }
      }
      if ((k + length) % kSpan != 0 && k + length != a.length) continue;
      if (job.cancelled()) return;
      if (twoLevels) {
        for (std::size_t s = 0; s < tile.size(); ++s) {
          totals[s] += tile[s];
          tile[s] = T(0);
        }
      }
    }
    if (twoLevels) std::copy(totals.data(), totals.data() + tile.size(), tile.data());
    for (std::size_t i = i0; i < iEnd; ++i) {
      for (std::size_t j = symmetric ? std::max(i, j0) : j0; j < jEnd; ++j) {
        const T* done = tile.data() + ((i - i0) * block + (j - j0)) * tileSize;
        if (out != nullptr) finish(done, a.complex, i * W, j * W, a.count, other.count, symmetric, out);
        if (keep != nullptr) std::copy(done, done + tileSize, keep->tile(i, j));
      }
    }
  });
}

namespace {

// coefficient[j][2][i] = S_ij <psi_i|psi_j> for target panel `target` (lanes i) against panel `source` (lanes j); the
// microkernel conjugates it. Real panels: 2 S_ij x_i.x_j, [j][i].
template <class T>
void coefficients(const Overlaps<T>& overlaps, bool complex, const T* dK, std::size_t rows, std::size_t columns,
                  Side side, std::size_t target, std::size_t source, T* out) {
  constexpr std::size_t W = kLanes<T>;
  const bool symmetric = overlaps.symmetric;
  // Stored tiles have the lower panel (or the row side) in the lanes.
  const bool swapped = symmetric ? source < target : side == Side::kColumns;
  const T* tile = swapped ? overlaps.tile(source, target) : overlaps.tile(target, source);
  const std::size_t targetCount = side == Side::kRows ? rows : columns;
  const std::size_t sourceCount = symmetric ? rows : side == Side::kRows ? columns : rows;
  for (std::size_t j = 0; j < W; ++j) {
    const std::size_t s = source * W + j;
    for (std::size_t i = 0; i < W; ++i) {
      const std::size_t t = target * W + i;
      T weight = 0;
      // A state keeps its norm, so what a symmetric matrix has on its diagonal moves nothing but rounding errors.
      const bool constant = symmetric && complex && t == s;
      if (t < targetCount && s < sourceCount && !constant) {
        if (symmetric) {
          weight = dK[t * columns + s] + dK[s * columns + t];
        } else {
          weight = side == Side::kRows ? dK[t * columns + s] : dK[s * columns + t];
        }
      }
      const std::size_t lane = swapped ? j : i, entry = swapped ? i : j;
      if (complex) {
        out[j * 2 * W + i] = weight * tile[entry * 2 * W + lane];
        out[j * 2 * W + W + i] = (swapped ? -weight : weight) * tile[entry * 2 * W + W + lane];
      } else {
        out[j * W + i] = 2 * weight * tile[entry * W + lane];
      }
    }
  }
}

}  // namespace

template <class T>
void gramAdjoint(const Panels<T>& a, const Panels<T>* b, const Overlaps<T>& overlaps, const T* dK, Side side, Job& job,
                 const std::function<void(std::size_t, T*, int)>& consume) {
  const Panels<T>& other = b == nullptr ? a : *b;
  const Panels<T>& targets = side == Side::kRows ? a : other;
  const Panels<T>& sources = side == Side::kRows ? other : a;
  constexpr std::size_t W = kLanes<T>;
  const std::size_t coefficientSize = W * a.width();
  // Targets that share their sources (and the part differences of those) while they are in the cache.
  const std::size_t group = std::clamp<std::size_t>(targets.panels() / (4 * threads()), 1, 4);
  const auto& kernel = kernels<T>();
  const double flops = gramFlops(targets.count, sources.count, false, a.length, a.complex);

  struct Scratch {
    Buffer<T> lambda, coefficients, sums, differences;
  };
  std::vector<Scratch> scratch(threads());
  parallelFor((targets.panels() + group - 1) / group, flops, job, [&](std::size_t item, int worker) {
    auto& [lambda, coefficient, sums, differences] = scratch[worker];
    const std::size_t first = item * group, count = std::min(group, targets.panels() - first);
    const std::size_t panelSize = a.length * a.width();
    constexpr std::size_t kPart = kGramChunk * W;
    if (lambda.size() == 0) {
      lambda = Buffer<T>(group * panelSize);
      coefficient = Buffer<T>(group * kApplyPanels * coefficientSize);
      if (a.complex) {
        sums = Buffer<T>(group * kApplyPanels * W * W);
        differences = Buffer<T>(kApplyPanels * kPart);
      }
    }
    std::fill(lambda.data(), lambda.data() + count * panelSize, T(0));
    for (std::size_t source = 0; source < sources.panels(); source += kApplyPanels) {
      if (job.cancelled()) return;
      const int panels = static_cast<int>(std::min<std::size_t>(kApplyPanels, sources.panels() - source));
      for (std::size_t t = 0; t < count; ++t) {
        for (int p = 0; p < panels; ++p) {
          const std::size_t at = t * kApplyPanels + p;
          coefficients(overlaps, a.complex, dK, a.count, other.count, side, first + t, source + p,
                       coefficient.data() + at * coefficientSize);
          if (a.complex) kernel.partSums(coefficient.data() + at * coefficientSize, 1, W, sums.data() + at * W * W);
        }
      }
      for (std::size_t k = 0; k < a.length; k += kGramChunk) {
        const std::size_t length = std::min(kGramChunk, a.length - k);
        const T *psi[kApplyPanels], *difference[kApplyPanels];
        for (int p = 0; p < panels; ++p) {
          psi[p] = sources.panel(source + p) + k * a.width();
          difference[p] = differences.data() + p * kPart;
          if (a.complex) kernel.partSums(psi[p], -1, length, differences.data() + p * kPart);
        }
        for (std::size_t t = 0; t < count; ++t) {
          const T* c = coefficient.data() + t * kApplyPanels * coefficientSize;
          T* out = lambda.data() + t * panelSize + k * a.width();
          if (a.complex) {
            kernel.applyTile(psi, difference, c, sums.data() + t * kApplyPanels * W * W, panels, length, out);
          } else {
            kernel.applyTileReal(psi, c, panels, length, out);
          }
        }
      }
    }
    for (std::size_t t = 0; t < count; ++t) consume(first + t, lambda.data() + t * panelSize, worker);
  });
}

template void gramMatrix(const Panels<float>&, const Panels<float>*, float*, Overlaps<float>*, Job&);
template void gramMatrix(const Panels<double>&, const Panels<double>*, double*, Overlaps<double>*, Job&);
template void gramAdjoint(const Panels<float>&, const Panels<float>*, const Overlaps<float>&, const float*, Side, Job&,
                          const std::function<void(std::size_t, float*, int)>&);
template void gramAdjoint(const Panels<double>&, const Panels<double>*, const Overlaps<double>&, const double*, Side,
                          Job&, const std::function<void(std::size_t, double*, int)>&);

}  // namespace qrkd
