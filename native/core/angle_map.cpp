#include "angle_map.h"

#include <algorithm>
#include <cmath>

#include "kernel.h"

namespace qrkd {
namespace {

double value(const AngleMap::Factor& factor, double v) {
  const double u = factor.offset + factor.scale * v;
  // Rounding may leave the range by an ulp; samples that really do are refused before.
  return factor.function == AngleFunction::kAcos ? std::acos(std::clamp(u, -1.0, 1.0)) : u;
}

double slope(const AngleMap::Factor& factor, double v) {
  if (factor.function == AngleFunction::kIdentity) return factor.scale;
  const double u = factor.offset + factor.scale * v, square = 1 - u * u;
  return square > 1e-12 ? -factor.scale / std::sqrt(square) : 0.0;
}

}  // namespace

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

int AngleMap::add(double coefficient, const std::vector<Factor>& product) {
  const int first = static_cast<int>(factors.size());
  factors.insert(factors.end(), product.begin(), product.end());
  terms.push_back({coefficient, first, static_cast<int>(factors.size())});
  starts.push_back(static_cast<int>(terms.size()));
  return static_cast<int>(angles()) - 1;
}

void AngleMap::forward(const Rows& rows, std::size_t first, int lanes, double* v, double* angle) const {
  transposeRows(rows, first, lanes, v);
  for (std::size_t p = 0; p < parameters; ++p) {
    std::fill(v + (features + p) * lanes, v + (features + p + 1) * lanes, rows.parameters[p]);
  }
  bool regular = true;
  for (std::size_t k = 0; k < angles(); ++k) {
    double* a = angle + k * lanes;
    for (int t = starts[k]; t < starts[k + 1]; ++t) {
      double product[16];
      for (int lane0 = 0; lane0 < lanes; lane0 += 16) {
        const int count = std::min(16, lanes - lane0);
        std::fill(product, product + count, terms[t].coefficient);
        for (int f = terms[t].first; f < terms[t].last; ++f) {
          const Factor& factor = factors[f];
          const double* variable = v + static_cast<std::size_t>(factor.variable) * lanes + lane0;
          if (factor.function == AngleFunction::kIdentity) {
            for (int i = 0; i < count; ++i) product[i] *= factor.offset + factor.scale * variable[i];
          } else {
            regular = false;
            for (int i = 0; i < count; ++i) product[i] *= value(factor, variable[i]);
          }
        }
        for (int i = 0; i < count; ++i) a[lane0 + i] = t == starts[k] ? product[i] : a[lane0 + i] + product[i];
      }
    }
    if (starts[k] == starts[k + 1]) std::fill(a, a + lanes, 0.0);
    for (int i = 0; i < lanes; ++i) regular &= std::abs(a[i]) < 1e300;
  }
  if (!regular) check(rows, first, lanes, v, angle);
}

void AngleMap::check(const Rows& rows, std::size_t first, int lanes, const double* v, const double* angle) const {
  for (int lane = 0; lane < lanes && first + lane < rows.count; ++lane) {
    for (const Factor& factor : factors) {
      if (factor.function != AngleFunction::kAcos) continue;
      const double x = v[static_cast<std::size_t>(factor.variable) * lanes + lane];
      const double u = factor.offset + factor.scale * x;
      if (std::abs(u) <= 1 + 1e-12) continue;
      const bool feature = static_cast<std::size_t>(factor.variable) < features;
      const std::size_t index = factor.variable - (feature ? 0 : features);
      throw BadSample(rows, first + lane,
                      "gives acos(" + std::to_string(u) + ") in " + (feature ? "column " : "parameter ") +
                          std::to_string(index) + ", which is outside [-1, 1]; scale the features or the bandwidth");
    }
    for (std::size_t k = 0; k < angles(); ++k) {
      // Gates may scale an angle, and layers add several.
      if (std::abs(angle[k * lanes + lane]) < 1e300) continue;
      throw BadSample(rows, first + lane, "is so large that an angle of the feature map overflows");
    }
  }
}

void AngleMap::backward(const double* v, const double* dangle, int lanes, double* dv) const {
  std::fill(dv, dv + variables() * lanes, 0.0);
  for (std::size_t k = 0; k < angles(); ++k) {
    for (int t = starts[k]; t < starts[k + 1]; ++t) {
      for (int f = terms[t].first; f < terms[t].last; ++f) {
        const double* variable = v + static_cast<std::size_t>(factors[f].variable) * lanes;
        double* target = dv + static_cast<std::size_t>(factors[f].variable) * lanes;
        for (int lane = 0; lane < lanes; ++lane) {
          double d = terms[t].coefficient * slope(factors[f], variable[lane]) * dangle[k * lanes + lane];
          for (int g = terms[t].first; g < terms[t].last; ++g) {
            if (g != f) d *= value(factors[g], v[static_cast<std::size_t>(factors[g].variable) * lanes + lane]);
          }
          target[lane] += d;
        }
      }
    }
  }
}

}  // namespace qrkd
