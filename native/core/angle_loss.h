// The angle-wise relational loss between two point clouds.
#pragma once

#include <cstddef>
#include <vector>

#include "job.h"
#include "point_cloud.h"

namespace qrkd {

/// Keeps its memory from call to call. See angleLoss in relational.h for what it computes.
class AngleLoss {
 public:
  double evaluate(const PointCloud& student, const PointCloud& teacher, double* gradient, Job& job);

 private:
  /// The differences x_k - x_i of one vertex, [column][stride], and the numerators of its cosines.
  struct Differences {
    std::vector<double> byColumn, point, row;
    void set(const PointCloud& cloud, std::size_t i);
    /// (x_j - x_i).(x_k - x_i) for all k.
    const double* numerators(const PointCloud& cloud, std::size_t j);
  };
  /// Of a fixed range of the vertices: ranges do not depend on the number of threads, and are added in order.
  struct Share {
    double loss;
    std::vector<double> pairs;   // [j][stride]: sum over vertices of d loss / d numerator_jk, see AngleVertex
    std::vector<double> direct;  // [sample][column]: gradient from vertices with close neighbours; empty if none
    std::vector<double> numerator, cosine, scratch;
    Differences differences[2];
  };

  void vertex(std::size_t i, Share& share);
  void nearVertex(std::size_t i, Share& share);

  const PointCloud* clouds_[2] = {};
  std::vector<double> gram_[2];  // [stride][stride]
  std::vector<double> scratch_;
  std::vector<double> vertices_;  // [i][stride]: weight of x_i - x_j from vertex i itself
  std::vector<Share> shares_;
};

}  // namespace qrkd
