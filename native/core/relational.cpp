#include "relational.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "isa.h"
#include "thread_pool.h"

namespace qrkd {
namespace {

// Official RKD clamps squared distances here; equal samples then have distance 1e-6, which counts as positive.
constexpr double kMinimumSquare = 1e-12;
// Below this fraction of the mean distance a direction carries no information and its gradient is set to 0.
constexpr double kFrozen = 1e-6;
// Below this fraction, differences of inner products lose digits: such vertices are worked out from the differences of
// the samples themselves. Inner products err by 1e-16 |x|^2, against 1e-6 |x|^2 at this distance.
constexpr double kNear = 1e-3;

// Samples by column, padded to whole vectors, with all distances.
struct Cloud {
  std::size_t count, stride, columns;
  std::vector<double> x;         // [column][stride]
  std::vector<double> points;    // [sample][column], the same numbers
  std::vector<double> distance;  // [i][stride], unclamped; 0 in the padding
  double mean = 1;               // of all clamped distances off the diagonal

  explicit Cloud(const Rows& rows)
      : count(rows.count),
        stride((rows.count + kColumnPadding - 1) / kColumnPadding * kColumnPadding),
        columns(rows.columns),
        x(columns * stride, 0.0),
        points(count * columns),
        distance(count * stride) {
    for (std::size_t c = 0; c < columns; ++c) {
      for (std::size_t i = 0; i < count; ++i) points[i * columns + c] = x[c * stride + i] = rows.row(i)[c];
    }
    double total = 0;
    for (std::size_t i = 0; i < count; ++i) {
      double* row = distance.data() + i * stride;
      instructionSet().columns.squaredDistances(x.data(), stride, columns, point(i), row);
      for (std::size_t j = 0; j < stride; ++j) {
        row[j] = j < count ? std::sqrt(row[j]) : 0.0;
        if (j < count && j != i) total += clamped(row[j]);
      }
    }
    const double pairs = static_cast<double>(count) * static_cast<double>(count - 1);
    if (total > 0) mean = total / pairs;
  }

  const double* point(std::size_t i) const { return points.data() + i * columns; }
  const double* distances(std::size_t i) const { return distance.data() + i * stride; }
  static double clamped(double d) { return std::max(d, 1e-6); }
  bool hasNear(std::size_t i) const {
    for (std::size_t j = 0; j < count; ++j) {
      if (j != i && distances(i)[j] < kNear * mean) return true;
    }
    return false;
  }
};

// gradient_i += sum_j weight[i][j] (x_i - x_j)
void pairGradient(const Cloud& cloud, const double* weight, double* gradient) {
  for (std::size_t i = 0; i < cloud.count; ++i) {
    instructionSet().columns.weightedDifferences(cloud.x.data(), cloud.stride, cloud.columns, cloud.point(i),
                                                 weight + i * cloud.stride, gradient + i * cloud.columns);
  }
}

}  // namespace

double distanceLoss(const Rows& student, const Rows& teacher, double* gradient, Job& job) {
  const Cloud s(student), t(teacher);
  job.check();
  const std::size_t n = s.count;
  const double scale = 1.0 / (static_cast<double>(n) * static_cast<double>(n));
  std::vector<double> weight(n * s.stride, 0.0);
  double loss = 0, alongMean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      const double d = Cloud::clamped(s.distances(i)[j]);
      const double difference = d / s.mean - Cloud::clamped(t.distances(i)[j]) / t.mean;
      const double clipped = std::clamp(difference, -1.0, 1.0);
      loss += clipped * (difference - 0.5 * clipped);
      weight[i * s.stride + j] = scale * clipped;
      alongMean += scale * clipped * d;
    }
  }
  // d loss / d d_ij = h_ij / mean - (sum h d) / mean^2 / pairs; each pair stands in the sum twice.
  const double pairs = std::max(1.0, static_cast<double>(n) * static_cast<double>(n - 1));
  const double common = alongMean / (s.mean * s.mean * pairs);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double d = s.distances(i)[j];
      double& w = weight[i * s.stride + j];
      w = i == j || d * d < kMinimumSquare ? 0.0 : 2 * (w / s.mean - common) / d;
    }
  }
  std::fill(gradient, gradient + n * s.columns, 0.0);
  pairGradient(s, weight.data(), gradient);
  return loss * scale;
}

namespace {

// 1 / |x_j - x_i|, 0 where they coincide (torch.nn.functional.normalize's eps), and in the padding.
std::vector<double> inverseDistances(const Cloud& cloud) {
  std::vector<double> inverse(cloud.distance.size());
  for (std::size_t k = 0; k < inverse.size(); ++k) inverse[k] = cloud.distance[k] > 1e-12 ? 1 / cloud.distance[k] : 0.0;
  return inverse;
}

// Inner products of the centred samples: differences of them do not change, and lose fewer digits.
std::vector<double> innerProducts(const Cloud& cloud) {
  std::vector<double> centred(cloud.x.size(), 0.0), point(cloud.columns), gram(cloud.count * cloud.stride);
  for (std::size_t c = 0; c < cloud.columns; ++c) {
    const double* column = cloud.x.data() + c * cloud.stride;
    const double mean = std::accumulate(column, column + cloud.count, 0.0) / static_cast<double>(cloud.count);
    for (std::size_t i = 0; i < cloud.count; ++i) centred[c * cloud.stride + i] = column[i] - mean;
  }
  for (std::size_t i = 0; i < cloud.count; ++i) {
    for (std::size_t c = 0; c < cloud.columns; ++c) point[c] = centred[c * cloud.stride + i];
    instructionSet().columns.innerProducts(centred.data(), cloud.stride, cloud.columns, point.data(),
                                           gram.data() + i * cloud.stride);
  }
  return gram;
}

// The differences x_k - x_i of one vertex, [column][stride].
struct Differences {
  std::vector<double> byColumn, point, row;

  void set(const Cloud& cloud, std::size_t i) {
    byColumn.resize(cloud.x.size());
    point.resize(cloud.columns);
    row.resize(cloud.stride);
    for (std::size_t c = 0; c < cloud.columns; ++c) {
      for (std::size_t k = 0; k < cloud.stride; ++k) {
        byColumn[c * cloud.stride + k] = k < cloud.count ? cloud.x[c * cloud.stride + k] - cloud.point(i)[c] : 0.0;
      }
    }
  }
  // Numerators (x_j - x_i).(x_k - x_i) for all k.
  const double* numerators(const Cloud& cloud, std::size_t j) {
    for (std::size_t c = 0; c < cloud.columns; ++c) point[c] = byColumn[c * cloud.stride + j];
    instructionSet().columns.innerProducts(byColumn.data(), cloud.stride, cloud.columns, point.data(), row.data());
    return row.data();
  }
};

// The angle loss of a fixed share of the vertices: shares do not depend on the number of threads, and are added in
// order.
class AngleShare {
 public:
  AngleShare(const Cloud* clouds[2], const std::vector<double> (&gram)[2], const std::vector<double> (&inverse)[2])
      : clouds_{clouds[0], clouds[1]}, gram_(gram), inverse_(inverse) {
    const Cloud& s = *clouds_[0];
    pairs.assign(s.count * s.stride, 0.0);
    vertices.assign(s.count * s.stride, 0.0);
    direct.assign(s.count * s.columns, 0.0);
    zeros_.assign(s.stride, 0.0);
    rowGradient_.assign(s.stride, 0.0);
    weight_ = 1.0 / (static_cast<double>(s.count) * static_cast<double>(s.count) * static_cast<double>(s.count));
  }

  double loss = 0;
  std::vector<double> pairs;     // [j][k]: sum over fast vertices of d loss / d numerator_jk
  std::vector<double> vertices;  // [i][j]: weight of x_i - x_j from vertex i itself
  std::vector<double> direct;    // [sample][column]: gradient from vertices with close neighbours

  // numerator_jk = G_jk - G_ik - G_ij + G_ii: all in terms of inner products, whatever the number of features. With
  // u_jk = d loss / d numerator_jk and U_j = sum_k u_jk, the gradient is a sum of M_ab (x_a - x_b) over pairs, with
  // M_jk = -2 u_jk and M_ij = M_ji = 2 U_j + (d loss / d d_ij) / d_ij.
  void vertex(std::size_t i) {
    const Cloud& s = *clouds_[0];
    AngleRow row = prepare(i);
    for (std::size_t j = 0; j < s.count; ++j) {
      if (j == i) continue;
      for (int side = 0; side < 2; ++side) {
        const double* gram = gram_[side].data();
        row.gramJ[side] = gram + j * s.stride;
        row.gramI[side] = gram + i * s.stride;
        // The same order as in gramJ - gramI, so that coinciding samples give exactly 0.
        row.base[side] = gram[i * s.stride + i] - gram[j * s.stride + i];
        row.inverseJ[side] = row.inverse[side][j];
      }
      row.gramGradient = pairs.data() + j * s.stride;
      AngleSums sums;
      instructionSet().angleRow(row, sums);
      loss += sums.loss;
      const double inverse = row.inverseJ[0];
      vertices[i * s.stride + j] = 2 * sums.numerator - 2 * inverse * inverse * sums.cosine;
    }
  }

  // The same from the differences themselves; sides that are too short are constants.
  void nearVertex(std::size_t i) {
    const Cloud& s = *clouds_[0];
    AngleRow row = prepare(i);
    for (int side = 0; side < 2; ++side) differences_[side].set(*clouds_[side], i);
    std::vector<double> gradient(s.columns);
    for (std::size_t j = 0; j < s.count; ++j) {
      if (j == i) continue;
      for (int side = 0; side < 2; ++side) {
        row.gramJ[side] = differences_[side].numerators(*clouds_[side], j);
        row.gramI[side] = zeros_.data();
        row.base[side] = 0;
        row.inverseJ[side] = row.inverse[side][j];
      }
      std::fill(rowGradient_.begin(), rowGradient_.end(), 0.0);
      row.gramGradient = rowGradient_.data();
      AngleSums sums;
      instructionSet().angleRow(row, sums);
      loss += sums.loss;
      if (s.distances(i)[j] < kFrozen * s.mean) continue;
      const double inverse = row.inverseJ[0];
      for (std::size_t c = 0; c < s.columns; ++c) {
        const double* column = differences_[0].byColumn.data() + c * s.stride;
        double sum = 0;
        for (std::size_t k = 0; k < s.count; ++k) sum += rowGradient_[k] * column[k];
        const double g = 2 * sum - 2 * inverse * inverse * sums.cosine * column[j];
        direct[j * s.columns + c] += g;
        direct[i * s.columns + c] -= g;
      }
    }
  }

 private:
  AngleRow prepare(std::size_t i) const {
    AngleRow row{};
    row.count = clouds_[0]->stride;
    row.weight = weight_;
    for (int side = 0; side < 2; ++side) row.inverse[side] = inverse_[side].data() + i * clouds_[side]->stride;
    return row;
  }

  const Cloud* clouds_[2];
  const std::vector<double> (&gram_)[2];
  const std::vector<double> (&inverse_)[2];
  std::vector<double> zeros_, rowGradient_;
  Differences differences_[2];
  double weight_;
};

}  // namespace

double angleLoss(const Rows& student, const Rows& teacher, double* gradient, Job& job) {
  const Cloud s(student), t(teacher);
  const Cloud* clouds[2] = {&s, &t};
  const std::vector<double> gram[2] = {innerProducts(s), innerProducts(t)};
  const std::vector<double> inverse[2] = {inverseDistances(s), inverseDistances(t)};
  const std::size_t n = s.count;
  // Each share has its own n x n sums: few enough to bound memory, enough for the threads of a usual machine.
  const std::size_t shares = std::max<std::size_t>(1, std::min<std::size_t>({16, n / 8, (1u << 24) / (n * n)}));
  std::vector<AngleShare> parts;
  for (std::size_t p = 0; p < shares; ++p) parts.emplace_back(clouds, gram, inverse);
  const double cube = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
  parallelFor(shares, 16 * cube, job, [&](std::size_t p, int) {
    for (std::size_t i = p * n / shares; i < (p + 1) * n / shares; ++i) {
      if (job.cancelled()) return;
      if (s.hasNear(i) || t.hasNear(i)) {
        parts[p].nearVertex(i);
      } else {
        parts[p].vertex(i);
      }
    }
  });

  double loss = 0;
  std::vector<double> pairs(n * s.stride, 0.0), vertices(n * s.stride, 0.0);
  std::fill(gradient, gradient + n * s.columns, 0.0);
  for (const auto& part : parts) {
    loss += part.loss;
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      pairs[k] += part.pairs[k];
      vertices[k] += part.vertices[k];
    }
    for (std::size_t k = 0; k < n * s.columns; ++k) gradient[k] += part.direct[k];
  }
  std::vector<double> weight(n * s.stride, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      weight[i * s.stride + j] = vertices[i * s.stride + j] + vertices[j * s.stride + i] - 2 * pairs[i * s.stride + j];
    }
  }
  pairGradient(s, weight.data(), gradient);
  return loss / cube;
}

}  // namespace qrkd
