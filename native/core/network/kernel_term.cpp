#include "kernel_term.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "../isa.h"

namespace qrkd::network {
namespace {

std::size_t widthOf(const KernelSide& side) {
  return side.float32 ? side.float32->features() : side.float64->features();
}

// (x - mean) A
void project(const Projection& projection, const Values& features, std::size_t samples, double* out) {
  std::fill(out, out + samples * projection.out, 0.0);
  for (std::size_t i = 0; i < samples; ++i, out += projection.out) {
    for (std::size_t k = 0; k < projection.in; ++k) {
      const double v = features.data[i * projection.in + k] - projection.mean[k];
      const double* row = projection.matrix.data() + k * projection.out;
      for (std::size_t c = 0; c < projection.out; ++c) out[c] += v * row[c];
    }
  }
}

// g A^T
void projectGradient(const Projection& projection, const double* g, std::size_t samples, double* out) {
  for (std::size_t i = 0; i < samples; ++i, g += projection.out) {
    for (std::size_t k = 0; k < projection.in; ++k) {
      const double* row = projection.matrix.data() + k * projection.out;
      double sum = 0;
      for (std::size_t c = 0; c < projection.out; ++c) sum += g[c] * row[c];
      out[i * projection.in + k] = sum;
    }
  }
}

void subtractMean(double* data, std::size_t samples, std::size_t columns) {
  for (std::size_t c = 0; c < columns; ++c) {
    double mean = 0;
    for (std::size_t i = 0; i < samples; ++i) mean += data[i * columns + c];
    mean /= static_cast<double>(samples);
    for (std::size_t i = 0; i < samples; ++i) data[i * columns + c] -= mean;
  }
}

double pairsOf(std::size_t samples) { return 0.5 * static_cast<double>(samples) * static_cast<double>(samples - 1); }

}  // namespace

void KernelInputs::set(const Values& features, std::size_t samples, double scale) {
  const Projection& projection = side_.projection;
  columns_ = projection.empty() ? features.columns : projection.out;
  if ((!projection.empty() && projection.in != features.columns) || columns_ != widthOf(side_)) {
    throw std::invalid_argument("a kernel of " + std::to_string(widthOf(side_)) + " features cannot take " +
                                std::to_string(features.columns));
  }
  samples_ = samples;
  x_.resize(samples * columns_);
  if (projection.empty()) {
    std::copy(features.data, features.data + x_.size(), x_.begin());
  } else {
    project(projection, features, samples, x_.data());
  }
  centred_.clear();
  if (scale > 0) centreAndScale(scale);
  zeros_.clear();
  for (std::size_t i = 0; i < samples && side_.amplitude; ++i) {
    double* row = x_.data() + i * columns_;
    if (std::any_of(row, row + columns_, [](double v) { return v != 0; })) continue;
    zeros_.push_back(i);
    row[0] = 1;
  }
}

// With u = x - mean(x), m = mean |u_i - u_j| over pairs and y = (c / m) u. A batch whose samples all coincide is only
// centred.
void KernelInputs::centreAndScale(double scale) {
  const RelationalTable& loops = instructionSet().relational;
  const std::size_t stride = (samples_ + kColumnPadding - 1) / kColumnPadding * kColumnPadding;
  subtractMean(x_.data(), samples_, columns_);
  centred_ = x_;
  byColumn_.assign(columns_ * stride, 0.0);
  for (std::size_t i = 0; i < samples_; ++i) {
    for (std::size_t c = 0; c < columns_; ++c) byColumn_[c * stride + i] = x_[i * columns_ + c];
  }
  distance_.resize(stride);
  inverse_.resize(stride);
  direction_.assign(x_.size(), 0.0);
  double total = 0;
  for (std::size_t i = 0; i < samples_; ++i) {
    const double* point = centred_.data() + i * columns_;
    loops.distances(byColumn_.data(), stride, columns_, point, 0, distance_.data(), inverse_.data());
    std::fill(inverse_.begin() + static_cast<std::ptrdiff_t>(samples_), inverse_.end(), 0.0);
    total += std::accumulate(distance_.begin(), distance_.begin() + static_cast<std::ptrdiff_t>(samples_), 0.0);
    loops.weightedDifferences(byColumn_.data(), stride, columns_, point, inverse_.data(),
                              direction_.data() + i * columns_);
  }
  mean_ = samples_ > 1 ? 0.5 * total / pairsOf(samples_) : 0;
  factor_ = mean_ > 0 ? scale / mean_ : 1;
  for (double& v : x_) v *= factor_;
}

Rows KernelInputs::rows() const {
  return {x_.data(), samples_, columns_, false, side_.parameters.data(), side_.parameters.size()};
}

// dL/du = (c / m) g - (c / m^2) <g, u> dm/du, less its own mean over the batch.
void KernelInputs::gradient(double* g, double* out) const {
  for (const std::size_t i : zeros_) std::fill(g + i * columns_, g + (i + 1) * columns_, 0.0);
  if (!centred_.empty()) {
    double along = 0;
    for (std::size_t k = 0; k < centred_.size(); ++k) along += g[k] * centred_[k];
    const double pull = mean_ > 0 ? factor_ / mean_ / pairsOf(samples_) * along : 0;
    for (std::size_t k = 0; k < centred_.size(); ++k) g[k] = factor_ * g[k] - pull * direction_[k];
    subtractMean(g, samples_, columns_);
  }
  if (side_.projection.empty()) {
    std::copy(g, g + x_.size(), out);
  } else {
    projectGradient(side_.projection, g, samples_, out);
  }
}

KernelTerm::KernelTerm(KernelSide student, KernelSide teacher, MatrixLoss form, double scale)
    : student_(std::move(student)), teacher_(std::move(teacher)), form_(form), scale_(scale) {
  for (const KernelSide* side : {&student_.side(), &teacher_.side()}) {
    if ((side->float32 != nullptr) == (side->float64 != nullptr)) {
      throw std::invalid_argument("a kernel term needs one kernel on each side");
    }
  }
}

double KernelTerm::flops(std::size_t samples) const {
  const auto of = [&](const KernelSide& side) {
    return side.float32 ? side.float32->flops(samples) : side.float64->flops(samples);
  };
  // Value and gradient cost about three forward passes.
  return of(teacher_.side()) + 3 * of(student_.side());
}

template <class T>
double KernelTerm::compare(const Kernel<T>& kernel, Matrices<T>& matrices, Job& job) {
  const Rows rows = student_.rows();
  const std::size_t size = rows.count * rows.count;
  matrices.student.resize(size);
  matrices.slope.resize(size);
  const auto pass = kernel.forward(rows, nullptr, matrices.student.data(), job);
  const double loss =
      matrixLoss<T>(form_, matrices.student.data(), matrices.teacher.data(), rows.count, matrices.slope.data());
  gradient_.resize(rows.count * rows.columns);
  parameterGradient_.resize(kernel.parameters());
  pass->gradient(matrices.slope.data(), {gradient_.data(), nullptr, parameterGradient_.data()}, job);
  return loss;
}

double KernelTerm::evaluate(std::size_t samples, const Values& student, const Values& teacher, double* gradient,
                            std::size_t& zeroVectors, Job& job) {
  teacher_.set(teacher, samples, scale_);
  student_.set(student, samples, scale_);
  zeroVectors = teacher_.zeroVectors() + student_.zeroVectors();
  const std::size_t size = samples * samples;
  const bool single = student_.side().float32 != nullptr;
  if (const auto& kernel = teacher_.side().float32) {
    float32_.teacher.resize(size);
    kernel->matrix(teacher_.rows(), nullptr, float32_.teacher.data(), job);
    if (!single) float64_.teacher.assign(float32_.teacher.begin(), float32_.teacher.end());
  } else {
    float64_.teacher.resize(size);
    teacher_.side().float64->matrix(teacher_.rows(), nullptr, float64_.teacher.data(), job);
    if (single) {
      float32_.teacher.resize(size);
      std::transform(float64_.teacher.begin(), float64_.teacher.end(), float32_.teacher.begin(),
                     [](double v) { return static_cast<float>(v); });
    }
  }
  const double loss =
      single ? compare(*student_.side().float32, float32_, job) : compare(*student_.side().float64, float64_, job);
  student_.gradient(gradient_.data(), gradient);
  return loss;
}

}  // namespace qrkd::network
