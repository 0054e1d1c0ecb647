// The classical half of a feature map: features and trainable parameters to angles, and the chain rule back.
//
// Every angle is a sum of products of functions of single variables, sum_t c_t * prod_f fn_f(o_f + s_f * v_f), where a
// variable is a feature of the sample or a parameter; that covers x_i, w x_i + b, (pi - x_i)(pi - x_j) with a bandwidth
// folded into s_f, and acos(x_i).
#pragma once

#include <cstddef>
#include <vector>

#include "panel.h"

namespace qrkd {

enum class AngleFunction { kIdentity, kAcos };

class AngleMap {
 public:
  struct Factor {
    int variable;  ///< a feature below `features`, else a parameter
    double offset, scale;
    AngleFunction function = AngleFunction::kIdentity;
  };
  struct Term {
    double coefficient;
    int first, last;  ///< its factors are [first, last)
  };

  std::size_t features = 0;
  std::size_t parameters = 0;
  std::vector<int> starts = {0};  ///< angle k has terms [starts[k], starts[k + 1])
  std::vector<Term> terms;
  std::vector<Factor> factors;

  std::size_t angles() const { return starts.size() - 1; }
  std::size_t variables() const { return features + parameters; }

  /// Appends an angle of one term and returns its index.
  int add(double coefficient, const std::vector<Factor>& product);

  /// Angles of samples [first, first + lanes) as [angle][lane], radians; samples past the end repeat zero features.
  /// `v` receives the variables, [variable][lane], for `backward`.
  /// Throws BadSample for an angle beyond the range of a double and for acos of a number outside [-1, 1].
  void forward(const Rows& rows, std::size_t first, int lanes, double* v, double* angle) const;

  /// dv [variable][lane] = sum_k dangle[k][lane] * d angle_k / d v. Where acos has no finite derivative it counts as 0.
  void backward(const double* v, const double* dangle, int lanes, double* dv) const;

 private:
  void check(const Rows& rows, std::size_t first, int lanes, const double* v, const double* angle) const;
};

/// Transposes samples [first, first + lanes) to [column][lane]; zero past the end.
void transposeRows(const Rows& rows, std::size_t first, int lanes, double* x);

/// Writes [column][lane] back to rows [first, ...) of a row-major array, dropping padded lanes.
void scatterRows(const double* panel, std::size_t first, int lanes, std::size_t count, std::size_t columns,
                 double* out);

}  // namespace qrkd
