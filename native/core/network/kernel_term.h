// The quantum term: the student's kernel matrix against the teacher's, features projected and scaled before.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "../kernel.h"

namespace qrkd::network {

/// Row-major doubles [rows][columns].
struct Values {
  const double* data = nullptr;
  std::size_t columns = 0;
};

/// An affine map of features, (x - mean) A, A [in][out]; empty: features as they are.
struct Projection {
  std::vector<double> mean, matrix;
  std::size_t in = 0, out = 0;
  bool empty() const { return matrix.empty(); }
};

/// One side of a kernel term.
struct KernelSide {
  std::shared_ptr<Kernel<float>> float32;  // one of the two
  std::shared_ptr<Kernel<double>> float64;
  std::vector<double> parameters;
  Projection projection;
  bool amplitude = false;  // zero rows stand for |0...0>, without gradient, and are counted
};

/// Features as one side's kernel takes them: projected; centred and multiplied by one number, so that the mean distance
/// of the batch's pairs is `scale` (0: neither); zero rows of an amplitude map made the first unit vector.
class KernelInputs {
 public:
  explicit KernelInputs(KernelSide side) : side_(std::move(side)) {}

  const KernelSide& side() const { return side_; }
  /// Memory is kept from call to call. Throws std::invalid_argument where widths do not fit.
  void set(const Values& features, std::size_t samples, double scale);
  Rows rows() const;
  std::size_t zeroVectors() const { return zeros_.size(); }
  /// From d loss / d rows, which it changes, to d loss / d features [samples][features]: the batch's mean and mean
  /// distance are part of it. A distance of 0 has gradient 0.
  void gradient(double* g, double* out) const;

 private:
  void centreAndScale(double scale);

  KernelSide side_;
  std::size_t samples_ = 0, columns_ = 0;
  std::vector<double> x_;          // what the kernel sees, [sample][column]
  std::vector<double> centred_;    // before scaling, empty where nothing is scaled
  std::vector<double> direction_;  // d (sum of distances) / d centred_
  std::vector<double> byColumn_, distance_, inverse_;
  double factor_ = 1, mean_ = 0;  // centred_ times factor_; the mean distance
  std::vector<std::size_t> zeros_;
};

/// One term, with the memory that it uses in every step.
class KernelTerm {
 public:
  KernelTerm(KernelSide student, KernelSide teacher, MatrixLoss form, double scale);

  /// Writes the gradient with respect to the student's features; returns the loss. `zeroVectors`: of both sides.
  double evaluate(std::size_t samples, const Values& student, const Values& teacher, double* gradient,
                  std::size_t& zeroVectors, Job& job);
  /// Rough arithmetic of that.
  double flops(std::size_t samples) const;

 private:
  /// [samples][samples] each: the kernel matrices of both sides, d loss / d the student's.
  template <class T>
  struct Matrices {
    std::vector<T> student, teacher, slope;
  };
  template <class T>
  double compare(const Kernel<T>& kernel, Matrices<T>& matrices, Job& job);

  KernelInputs student_, teacher_;
  MatrixLoss form_;
  double scale_;
  Matrices<float> float32_;
  Matrices<double> float64_;
  std::vector<double> gradient_, parameterGradient_;
};

}  // namespace qrkd::network
