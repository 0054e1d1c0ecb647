// Copies of a call's samples, for forward passes that outlive it.
#pragma once

#include <optional>
#include <vector>

#include "panel.h"

namespace qrkd {

class Samples {
 public:
  explicit Samples(const Rows& rows)
      : data_(rows.data, rows.data + rows.count * rows.columns),
        parameters_(rows.parameters, rows.parameters + rows.parameterCount),
        rows_{data_.data(), rows.count, rows.columns, rows.second, parameters_.data(), parameters_.size()} {}
  Samples(const Samples&) = delete;
  Samples& operator=(const Samples&) = delete;
  const Rows& rows() const { return rows_; }

 private:
  std::vector<double> data_, parameters_;
  Rows rows_;
};

/// X and, for a cross matrix, Y.
class Inputs {
 public:
  Inputs(const Rows& x, const Rows* y) : x_(x) {
    if (y != nullptr) y_.emplace(*y);
  }
  const Rows& x() const { return x_.rows(); }
  const Rows* y() const { return y_ ? &y_->rows() : nullptr; }

 private:
  Samples x_;
  std::optional<Samples> y_;
};

}  // namespace qrkd
