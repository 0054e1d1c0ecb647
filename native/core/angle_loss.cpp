#include "angle_loss.h"

#include <algorithm>

#include "isa.h"
#include "thread_pool.h"

namespace qrkd {

void AngleLoss::Differences::set(const PointCloud& cloud, std::size_t i) {
  byColumn.resize(cloud.x.size());
  point.resize(cloud.columns);
  row.resize(cloud.stride);
  for (std::size_t c = 0; c < cloud.columns; ++c) {
    for (std::size_t k = 0; k < cloud.stride; ++k) {
      byColumn[c * cloud.stride + k] = k < cloud.count ? cloud.x[c * cloud.stride + k] - cloud.point(i)[c] : 0.0;
    }
  }
}

const double* AngleLoss::Differences::numerators(const PointCloud& cloud, std::size_t j) {
  for (std::size_t c = 0; c < cloud.columns; ++c) point[c] = byColumn[c * cloud.stride + j];
  instructionSet().relational.innerProducts(byColumn.data(), cloud.stride, cloud.columns, point.data(), row.data());
  return row.data();
}

// All in terms of inner products, whatever the number of features. With u_jk = d loss / d numerator_jk and U_j = sum_k
// u_jk, the gradient is a sum of M_ab (x_a - x_b) over pairs, with M_jk = -2 u_jk and
// M_ij = M_ji = 2 U_j + (d loss / d d_ij) / d_ij.
void AngleLoss::vertex(std::size_t i, Share& share) {
  const PointCloud& s = *clouds_[0];
  AngleVertex vertex{};
  vertex.rows = s.count + s.count % 2;
  vertex.stride = s.stride;
  vertex.vertex = i;
  for (int side = 0; side < 2; ++side) {
    vertex.gram[side] = gram_[side].data();
    vertex.inverse[side] = clouds_[side]->inverses(i);
  }
  vertex.pairs = share.pairs.data();
  vertex.numerator = share.numerator.data();
  vertex.cosine = share.cosine.data();
  vertex.scratch = share.scratch.data();
  share.loss += instructionSet().relational.angleVertex(vertex);
  double* weight = vertices_.data() + i * s.stride;
  for (std::size_t j = 0; j < s.count; ++j) {
    const double inverse = vertex.inverse[0][j];
    weight[j] = 2 * vertex.numerator[j] - 2 * inverse * inverse * vertex.cosine[j];
  }
}

// The same from the differences themselves; sides that are too short are constants.
void AngleLoss::nearVertex(std::size_t i, Share& share) {
  const PointCloud& s = *clouds_[0];
  AngleRow row{};
  row.count = s.stride;
  row.gradient = share.numerator.data();
  for (int side = 0; side < 2; ++side) {
    row.inverse[side] = clouds_[side]->inverses(i);
    share.differences[side].set(*clouds_[side], i);
  }
  std::fill_n(vertices_.begin() + static_cast<std::ptrdiff_t>(i * s.stride), s.stride, 0.0);
  share.direct.resize(s.count * s.columns, 0.0);
  for (std::size_t j = 0; j < s.count; ++j) {
    if (j == i) continue;
    for (int side = 0; side < 2; ++side) {
      row.numerators[side] = share.differences[side].numerators(*clouds_[side], j);
      row.inverseJ[side] = row.inverse[side][j];
    }
    AngleSums sums;
    instructionSet().relational.angleRow(row, sums);
    share.loss += sums.loss;
    if (s.isWithin(i, j, kFrozen)) continue;
    const double inverse = row.inverseJ[0];
    for (std::size_t c = 0; c < s.columns; ++c) {
      const double* column = share.differences[0].byColumn.data() + c * s.stride;
      double sum = 0;
      for (std::size_t k = 0; k < s.count; ++k) sum += row.gradient[k] * column[k];
      const double g = 2 * sum - 2 * inverse * inverse * sums.cosine * column[j];
      share.direct[j * s.columns + c] += g;
      share.direct[i * s.columns + c] -= g;
    }
  }
}

double AngleLoss::evaluate(const PointCloud& student, const PointCloud& teacher, double* gradient, Job& job) {
  const std::size_t n = student.count, stride = student.stride;
  clouds_[0] = &student;
  clouds_[1] = &teacher;
  for (int side = 0; side < 2; ++side) clouds_[side]->innerProducts(gram_[side], scratch_);
  vertices_.resize(n * stride);
  // Each share has its own n x n sums: few enough to bound memory, enough for the threads of a usual machine.
  shares_.resize(std::max<std::size_t>(1, std::min<std::size_t>({16, n / 16, (1u << 24) / (n * n)})));
  const std::size_t shares = shares_.size();
  const double cube = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
  parallelFor(shares, 8 * cube, job, [&](std::size_t p, int) {
    Share& share = shares_[p];
    share.loss = 0;
    share.pairs.assign(stride * stride, 0.0);
    share.direct.clear();
    share.numerator.resize(stride);
    share.cosine.resize(stride);
    share.scratch.resize(2 * stride);
    for (std::size_t i = p * n / shares; i < (p + 1) * n / shares; ++i) {
      if (job.cancelled()) return;
      if (student.hasWithin(i, kNear) || teacher.hasWithin(i, kNear)) {
        nearVertex(i, share);
      } else {
        vertex(i, share);
      }
    }
  });

  // All shares' sums go to the first, those of vertices with close neighbours to the gradient.
  double loss = 0;
  std::vector<double>& pairs = shares_[0].pairs;
  std::fill(gradient, gradient + n * student.columns, 0.0);
  for (std::size_t p = 0; p < shares; ++p) {
    const Share& share = shares_[p];
    loss += share.loss;
    for (std::size_t k = 0; k < pairs.size() && p > 0; ++k) pairs[k] += share.pairs[k];
    for (std::size_t k = 0; k < share.direct.size(); ++k) gradient[k] += share.direct[k];
  }
  // Only sums of columns from a row's own block on are there.
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t block = i / kColumnPadding * kColumnPadding;
    for (std::size_t j = block; j < n; ++j) {
      const double weight = vertices_[i * stride + j] + vertices_[j * stride + i] - 2 * pairs[i * stride + j];
      pairs[i * stride + j] = weight;
      if (j >= block + kColumnPadding) pairs[j * stride + i] = weight;
    }
  }
  student.pairGradient(pairs.data(), gradient);
  for (std::size_t k = 0; k < n * student.columns; ++k) gradient[k] /= cube;
  return loss / cube;
}

}  // namespace qrkd
