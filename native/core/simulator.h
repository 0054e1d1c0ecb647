// Runs a schedule on one panel: states, and the adjoint sweep that turns lambda into gradients.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "job.h"
#include "panel.h"
#include "schedule.h"

namespace qrkd {

/// One circuit, compiled for batches of some size; immutable, shared by threads.
struct Simulation {
  AngleMap map;
  Schedule plan;

  Simulation(const Circuit& circuit, int laneQubits);
  /// With blocks of that size, for tests.
  Simulation(const Circuit& circuit, int laneQubits, int blockBits);

  /// Samples in a panel of T.
  template <class T>
  int samplesPerPanel() const {
    return kLanes<T> >> plan.laneQubits;
  }
  /// Rough arithmetic of the states of `samples` samples.
  double flops(std::size_t samples) const;
};

/// Work space for one panel at a time. Calls from inside a parallel loop run on the calling thread alone; others share
/// the blocks of a large state between the threads of the pool.
template <class T>
class Simulator {
 public:
  explicit Simulator(const Simulation& simulation);
  ~Simulator();

  /// Writes the states of samples [first, first + samplesPerPanel) to a complex panel, without the global phase.
  void states(const Rows& rows, std::size_t first, T* psi, Job& job);

  /// Gradients of samples [first, ...) from their states and lambda, where d loss = 2 Re <lambda|d psi>: dv [variable]
  /// [sample] in the order of the angle map's variables. Destroys lambda.
  void backward(const Rows& rows, std::size_t first, const T* psi, T* lambda, double* dv, Job& job);

  /// cos and sin of the global phase of samples [first, ...): [sample].
  void globalPhase(const Rows& rows, std::size_t first, double* cosine, double* sine);

 private:
  struct Worker;
  struct Sums;
  Worker& worker(int index);
  void bind(const Rows& rows, std::size_t first);
  void initial(const Sweep& sweep, Worker& w, std::uint64_t outer, T* psi);
  void forward(const Sweep& sweep, Worker& w, std::uint64_t outer, bool first, T*& psi, T*& spare, const Job& job);
  void reverse(std::size_t sweepIndex, Worker& w, std::uint64_t outer, const T*& psi, T*& lambda, Sums& sums,
               const Job& job);
  void prefixProducts(const Sweep& sweep, Worker& w, std::uint64_t outer, T* lambda, Sums& sums);
  void productStart(const Sweep& sweep, std::uint64_t outer, int without, T* start) const;
  const T* table(const Step& step, const Sweep& sweep, Worker& w, std::uint64_t outer);
  void blocks(const Sweep& sweep, Job& job, const std::function<void(std::uint64_t, int, int)>& body);

  const Simulation& simulation_;
  const Schedule& plan_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Sums> sums_;
  Buffer<double> v_, perSample_, angles_, chainMatrices_, prefixMatrices_;
  Buffer<T> matrices_, adjoints_, prefix_;
};

}  // namespace qrkd
