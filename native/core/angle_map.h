// The classical half of a feature map: features to angles, and the chain rule back.
//
// Every angle is a product of affine functions of single features, angle_k = c_k * prod_f (o_f + s_f * x[i_f]); that
// covers x_i, x_i x_j and (pi - x_i)(pi - x_j) with a bandwidth folded into s_f.
#pragma once

#include <cstddef>
#include <vector>

#include "panel.h"

namespace qrkd {

class AngleMap {
 public:
  struct Factor {
    int feature;
    double offset, scale;
  };

  std::size_t features = 0;
  std::vector<double> coefficients;  // one per angle
  std::vector<int> starts;           // angle k has factors [starts[k], starts[k + 1])
  std::vector<Factor> factors;

  std::size_t angles() const { return coefficients.size(); }

  /// Angles of samples [first, first + lanes) as [angle][lane]; samples past the end repeat zero features.
  /// `x` receives those samples transposed, [feature][lane], for `backward`.
  void forward(const Rows& rows, std::size_t first, int lanes, double* x, double* angle) const;

  /// Throws BadSample for the first of those samples that has an angle beyond the range of a double.
  void requireFinite(const Rows& rows, std::size_t first, int lanes, const double* angle) const;

  /// dx[feature][lane] = sum_k dangle[k][lane] * d angle_k / d x.
  void backward(const double* x, const double* dangle, int lanes, double* dx) const;
};

/// Transposes samples [first, first + lanes) to [column][lane]; zero past the end.
void transposeRows(const Rows& rows, std::size_t first, int lanes, double* x);

/// Writes [column][lane] back to rows [first, ...) of a row-major array, dropping padded lanes.
void scatterRows(const double* panel, std::size_t first, int lanes, std::size_t count, std::size_t columns,
                 double* out);

}  // namespace qrkd
