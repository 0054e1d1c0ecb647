#include "point_cloud.h"

#include <algorithm>
#include <numeric>

#include "isa.h"

namespace qrkd {
namespace {

// torch.nn.functional.normalize's eps: shorter differences have no direction.
constexpr double kCoinciding = 1e-12;
// Official RKD clamps squared distances at 1e-12; equal samples then have this distance, which counts as positive.
constexpr double kMinimum = 1e-6;

}  // namespace

void PointCloud::set(const Rows& rows) {
  count = rows.count;
  columns = rows.columns;
  stride = (count + kColumnPadding - 1) / kColumnPadding * kColumnPadding;
  x.assign(columns * stride, 0.0);
  points.assign(rows.data, rows.data + count * columns);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < columns; ++c) x[c * stride + i] = points[i * columns + c];
  }
  distance.resize(count * stride);
  inverse.resize(count * stride);
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    double* d = distance.data() + i * stride;
    double* inv = inverse.data() + i * stride;
    instructionSet().relational.distances(x.data(), stride, columns, point(i), kCoinciding, d, inv);
    double row = 0;
    for (std::size_t j = 0; j < count; ++j) {
      d[j] = std::max(d[j], kMinimum);
      row += d[j];
    }
    total += row - d[i];
    std::fill(d + count, d + stride, 0.0);
    std::fill(inv + count, inv + stride, 0.0);
    d[i] = inv[i] = 0;
  }
  const double pairs = static_cast<double>(count) * static_cast<double>(count - 1);
  mean = total > 0 ? total / pairs : 1;
}

bool PointCloud::hasWithin(std::size_t i, double fraction) const {
  const double* inv = inverses(i);
  const double near = fraction * mean;
  int found = 0;
  for (std::size_t j = 0; j < count; ++j) found += within(inv[j], near);
  return found > 1;  // one is the sample itself
}

void PointCloud::innerProducts(std::vector<double>& gram, std::vector<double>& scratch) const {
  // The centred samples by column, and one of them.
  scratch.resize((stride + 1) * columns);
  double* const point = scratch.data() + stride * columns;
  for (std::size_t c = 0; c < columns; ++c) {
    const double* column = x.data() + c * stride;
    const double middle = std::accumulate(column, column + count, 0.0) / static_cast<double>(count);
    for (std::size_t i = 0; i < stride; ++i) scratch[c * stride + i] = i < count ? column[i] - middle : 0.0;
  }
  gram.resize(stride * stride);
  for (std::size_t i = 0; i < stride; ++i) {
    for (std::size_t c = 0; c < columns; ++c) point[c] = scratch[c * stride + i];
    instructionSet().relational.innerProducts(scratch.data(), stride, columns, point, gram.data() + i * stride);
  }
}

void PointCloud::pairGradient(const double* weight, double* gradient) const {
  for (std::size_t i = 0; i < count; ++i) {
    instructionSet().relational.weightedDifferences(x.data(), stride, columns, point(i), weight + i * stride,
                                                    gradient + i * columns);
  }
}

}  // namespace qrkd
