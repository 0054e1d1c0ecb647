// One side's samples as the relational losses see them: by column, with all distances.
#pragma once

#include <cstddef>
#include <vector>

#include "panel.h"

namespace qrkd {

/// Below this fraction of the mean distance a direction carries no information and its gradient is set to 0.
inline constexpr double kFrozen = 1e-6;
/// Below this fraction, differences of inner products lose digits: such vertices are worked out from the differences of
/// the samples themselves. Inner products err by 1e-16 |x|^2, against 1e-6 |x|^2 at this distance.
inline constexpr double kNear = 1e-3;

struct PointCloud {
  std::size_t count = 0, stride = 0, columns = 0;  // stride: count, padded to whole vectors
  std::vector<double> x;                           // [column][stride]
  std::vector<double> points;                      // [sample][column], the same numbers
  std::vector<double> distance;  // [i][stride], at least 1e-6 as official RKD clamps them; 0 for i itself and padding
  std::vector<double> inverse;   // [i][stride], 1 / true distance; 0 where samples coincide, and for padding
  double mean = 1;               // of all distances off the diagonal

  /// Memory is kept from call to call.
  void set(const Rows& rows);

  const double* point(std::size_t i) const { return points.data() + i * columns; }
  const double* distances(std::size_t i) const { return distance.data() + i * stride; }
  const double* inverses(std::size_t i) const { return inverse.data() + i * stride; }
  /// Whether sample i has another one closer than `fraction` of the mean distance.
  bool hasWithin(std::size_t i, double fraction) const;
  bool isWithin(std::size_t i, std::size_t j, double fraction) const { return within(inverses(i)[j], fraction * mean); }
  /// Inner products of the centred samples, [stride][stride]: their differences are those of the samples, and lose
  /// fewer digits.
  void innerProducts(std::vector<double>& gram, std::vector<double>& scratch) const;
  /// gradient[i] += sum_j weight[i][j] (x_i - x_j), weight [count][stride].
  void pairGradient(const double* weight, double* gradient) const;

 private:
  // Without a branch, so that loops vectorise.
  static bool within(double inverse, double distance) { return (inverse == 0) | (inverse * distance > 1); }
};

}  // namespace qrkd
