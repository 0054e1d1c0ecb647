// Angles modulo 2 pi: sums of large angles would lose the digits that matter.
#pragma once

#include <cmath>

namespace qrkd {

/// Replaces angles by equal ones modulo `turns` full turns (2 pi each), exact to an ulp of the result for any size.
inline void reduceAngles(double* angle, int count, int turns = 1) {
  bool large = false;
  for (int i = 0; i < count; ++i) large |= !(std::abs(angle[i]) < 1e6);
  if (large) {
    // Beyond the range of the reduction below: the C library's exact one.
    for (int i = 0; i < count; ++i) {
      const double part = angle[i] / turns;
      if (std::abs(part) >= 5e5) angle[i] = turns * std::atan2(std::sin(part), std::cos(part));
    }
  }
  // Cody-Waite: pi / 2 in three parts, of which whole multiples of the first two are exact for all that occur.
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  const double quarters = 4.0 * turns, inverse = 0.15915494309189533577 / turns;
  for (int i = 0; i < count; ++i) {
    const double k = (angle[i] * inverse + kMagic) - kMagic;
    double r = angle[i] - k * (quarters * 1.57079632673412561417e+00);
    r -= k * (quarters * 6.07710050630396597660e-11);
    angle[i] = r - k * (quarters * 2.02226624879595063154e-21);
  }
}

}  // namespace qrkd
