#include "angle_map.h"

#include <algorithm>
#include <cmath>

#include "kernel.h"

namespace qrkd {

void transposeRows(const Rows& rows, std::size_t first, int lanes, double* x) {
  for (int lane = 0; lane < lanes; ++lane) {
    const std::size_t row = first + lane;
    for (std::size_t c = 0; c < rows.columns; ++c) x[c * lanes + lane] = row < rows.count ? rows.row(row)[c] : 0.0;
  }
}

void scatterRows(const double* panel, std::size_t first, int lanes, std::size_t count, std::size_t columns,
                 double* out) {
  for (int lane = 0; lane < lanes && first + lane < count; ++lane) {
    for (std::size_t c = 0; c < columns; ++c) out[(first + lane) * columns + c] = panel[c * lanes + lane];
  }
}

void AngleMap::forward(const Rows& rows, std::size_t first, int lanes, double* x, double* angle) const {
  transposeRows(rows, first, lanes, x);
  for (std::size_t k = 0; k < angles(); ++k) {
    double* a = angle + k * lanes;
    std::fill(a, a + lanes, coefficients[k]);
    for (int f = starts[k]; f < starts[k + 1]; ++f) {
      const auto& factor = factors[f];
      const double* column = x + static_cast<std::size_t>(factor.feature) * lanes;
      for (int lane = 0; lane < lanes; ++lane) a[lane] *= factor.offset + factor.scale * column[lane];
    }
  }
}

void AngleMap::requireFinite(const Rows& rows, std::size_t first, int lanes, const double* angle) const {
  for (int lane = 0; lane < lanes && first + lane < rows.count; ++lane) {
    for (std::size_t k = 0; k < angles(); ++k) {
      if (std::isfinite(angle[k * lanes + lane])) continue;
      throw BadSample(rows, first + lane, "is so large that an angle of the feature map overflows");
    }
  }
}

void AngleMap::backward(const double* x, const double* dangle, int lanes, double* dx) const {
  std::fill(dx, dx + features * lanes, 0.0);
  for (std::size_t k = 0; k < angles(); ++k) {
    for (int f = starts[k]; f < starts[k + 1]; ++f) {
      double* target = dx + static_cast<std::size_t>(factors[f].feature) * lanes;
      for (int lane = 0; lane < lanes; ++lane) {
        double d = coefficients[k] * factors[f].scale * dangle[k * lanes + lane];
        for (int g = starts[k]; g < starts[k + 1]; ++g) {
          if (g == f) continue;
          d *= factors[g].offset + factors[g].scale * x[static_cast<std::size_t>(factors[g].feature) * lanes + lane];
        }
        target[lane] += d;
      }
    }
  }
}

}  // namespace qrkd
