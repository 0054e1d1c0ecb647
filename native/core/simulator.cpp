#include "simulator.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "angles.h"
#include "chain.h"
#include "simulator_work.h"
#include "thread_pool.h"

namespace qrkd {
namespace {

// Blocks are handed out in at most this many shares a sweep: each has its own sums for the gradient, added in order, so
// that results do not depend on the number of threads.
constexpr int kShares = 64;

// The amplitude of block index 0 in the panel: the bits of `outer` go to the slots that are not local.
std::size_t baseOf(const Sweep& sweep, int slots, std::uint64_t outer) {
  std::size_t base = 0;
  std::size_t next = 0;
  for (int slot = 0; slot < slots; ++slot) {
    if (next < sweep.local.size() && sweep.local[next] == slot) {
      ++next;
      continue;
    }
    base |= (outer & 1) << slot;
    outer >>= 1;
  }
  return base;
}

// Copies a block between its panel and contiguous memory.
template <class T, bool Gather>
void copyBlock(const Sweep& sweep, std::size_t base, T* panel, T* block) {
  constexpr std::size_t W2 = 2 * kLanes<T>;
  std::size_t run = 0;
  while (run < sweep.local.size() && sweep.local[run] == static_cast<int>(run)) ++run;
  const std::size_t length = (std::size_t{1} << run) * W2;
  const std::size_t runs = std::size_t{1} << (sweep.local.size() - run);
  for (std::size_t r = 0; r < runs; ++r) {
    std::size_t at = base;
    for (std::size_t k = run; k < sweep.local.size(); ++k) at |= (r >> (k - run) & 1) << sweep.local[k];
    T* there = panel + at * W2;
    T* here = block + r * length;
    if (Gather) {
      std::copy(there, there + length, here);
    } else {
      std::copy(here, here + length, there);
    }
  }
}

}  // namespace

Simulation::Simulation(const Circuit& circuit, int laneQubits) : map(circuit.map) {
  const Program program = compile(circuit);
  plan = schedule(program, laneQubits, blockBitsFor(program, circuit.qubits - laneQubits));
}

Simulation::Simulation(const Circuit& circuit, int laneQubits, int blockBits)
    : map(circuit.map), plan(schedule(compile(circuit), laneQubits, blockBits)) {}

double Simulation::flops(std::size_t samples) const {
  double perAmplitude = 12;
  for (const Sweep& sweep : plan.sweeps) {
    for (const Step& step : sweep.steps) {
      perAmplitude += step.kind == Step::Kind::kHadamards ? 2.0 * static_cast<double>(sweep.local.size())
                      : step.kind == Step::Kind::kUnitary ? 8.0 * (1 << step.positions.size())
                                                          : 14.0;
    }
  }
  return perAmplitude * static_cast<double>(std::size_t{1} << plan.qubits) * static_cast<double>(samples);
}

template <class T>
Simulator<T>::Simulator(const Simulation& simulation) : simulation_(simulation), plan_(simulation.plan) {
  constexpr std::size_t W = kLanes<T>;
  const std::size_t samples = simulation.samplesPerPanel<T>();
  v_ = Buffer<double>(std::max<std::size_t>(1, simulation.map.variables()) * samples);
  perSample_ = Buffer<double>(std::max<std::size_t>(1, simulation.map.angles()) * samples);
  angles_ = Buffer<double>(std::max<std::size_t>(1, simulation.map.angles()) * W);
  const std::size_t chains = plan_.chains.size() + 1;
  chainMatrices_ = Buffer<double>(chains * kMatrix * W);
  matrices_ = Buffer<T>(chains * kMatrix * W);
  adjoints_ = Buffer<T>(chains * kMatrix * W);
  if (!plan_.uniform) {
    prefixMatrices_ = Buffer<double>(static_cast<std::size_t>(plan_.qubits) * kMatrix * W);
    prefix_ = Buffer<T>(static_cast<std::size_t>(plan_.qubits) * 4 * W);
  }
}

template <class T>
Simulator<T>::~Simulator() = default;

template <class T>
typename Simulator<T>::Worker& Simulator<T>::worker(int index) {
  if (static_cast<int>(workers_.size()) <= index) workers_.resize(index + 1);
  if (!workers_[index]) workers_[index] = std::make_unique<Worker>();
  return *workers_[index];
}

// Everything about these samples that does not depend on the block: angles for every lane, and the chains' matrices.
template <class T>
void Simulator<T>::bind(const Rows& rows, std::size_t first) {
  constexpr int W = kLanes<T>;
  const int samples = simulation_.samplesPerPanel<T>();
  const AngleMap& map = simulation_.map;
  map.forward(rows, first, samples, v_.data(), perSample_.data());
  for (std::size_t k = 0; k < map.angles(); ++k) {
    for (int i = 0; i < W; ++i) angles_[k * W + i] = perSample_[k * samples + (i >> plan_.laneQubits)];
  }
  double conjugate[kMatrix * W];
  for (std::size_t c = 0; c <= plan_.chains.size(); ++c) {
    // The last one is a single Hadamard gate, for Step::chain -1.
    static const Chain hadamard = {{Gate::kH, {0}, -1, 0, {}}};
    const Chain& chain = c < plan_.chains.size() ? plan_.chains[c] : hadamard;
    double* matrix = chainMatrices_.data() + c * kMatrix * W;
    chainMatrix(chain, angles_.data(), W, matrix);
    adjoint(matrix, W, conjugate);
    for (int i = 0; i < kMatrix * W; ++i) {
      matrices_[c * kMatrix * W + i] = static_cast<T>(matrix[i]);
      adjoints_[c * kMatrix * W + i] = static_cast<T>(conjugate[i]);
    }
  }
  if (plan_.uniform) return;
  for (int q = 0; q < plan_.qubits; ++q) {
    double* matrix = prefixMatrices_.data() + static_cast<std::size_t>(q) * kMatrix * W;
    chainMatrix(plan_.prefix[q], angles_.data(), W, matrix);
    // The first column: what becomes of |0>.
    for (int a = 0; a < 2; ++a) {
      for (int i = 0; i < 2 * W; ++i) prefix_[(q * 2 + a) * 2 * W + i] = static_cast<T>(matrix[a * 4 * W + i]);
    }
  }
}

template <class T>
void Simulator<T>::globalPhase(const Rows& rows, std::size_t first, double* cosine, double* sine) {
  const int samples = simulation_.samplesPerPanel<T>();
  simulation_.map.forward(rows, first, samples, v_.data(), perSample_.data());
  for (int s = 0; s < samples; ++s) {
    double phase = 0;
    for (const PhaseTerm& term : plan_.global) {
      double theta = term.angle < 0 ? term.scale : term.scale * perSample_[term.angle * samples + s];
      reduceAngles(&theta, 1);
      phase += theta;
    }
    cosine[s] = std::cos(phase);
    sine[s] = std::sin(phase);
  }
}

template <class T>
void Simulator<T>::blocks(const Sweep& sweep, Job& job, const std::function<void(std::uint64_t, int, int)>& body) {
  const std::size_t count = std::size_t{1} << (plan_.slots - sweep.local.size());
  const std::size_t shares = std::min<std::size_t>(count, kShares);
  // At least as many workers as the pool has threads: they are made here, not by the threads.
  for (int k = 0; k < (shares > 1 ? threads() : 1); ++k) worker(k);
  const double flops = static_cast<double>(sweep.steps.size() + 1) * 14 * kLanes<T> * static_cast<double>(count) *
                       static_cast<double>(std::size_t{1} << sweep.local.size());
  const auto share = [&](std::size_t s, int index) {
    for (std::size_t block = s * count / shares; block < (s + 1) * count / shares; ++block) {
      if (job.cancelled()) return;
      body(block, static_cast<int>(s), index);
    }
  };
  if (shares == 1) {
    share(0, 0);
  } else {
    parallelFor(shares, flops, job, share);
  }
}
template <class T>
void Simulator<T>::states(const Rows& rows, std::size_t first, T* psi, Job& job) {
  constexpr std::size_t W = kLanes<T>;
  bind(rows, first);
  if (plan_.whole()) {
    T *current = psi, *spare = nullptr;
    forward(plan_.sweeps[0], worker(0), 0, true, current, spare, job);
    if (current != psi) std::copy(current, current + plan_.amplitudes() * 2 * W, psi);
    return;
  }
  for (std::size_t s = 0; s < plan_.sweeps.size(); ++s) {
    const Sweep& sweep = plan_.sweeps[s];
    const std::size_t size = (std::size_t{1} << sweep.local.size()) * 2 * W;
    blocks(sweep, job, [&](std::uint64_t outer, int, int index) {
      Worker& w = *workers_[index];
      T *block = Worker::room(w.block[0], size), *spare = Worker::room(w.block[1], size);
      const std::size_t base = baseOf(sweep, plan_.slots, outer);
      if (s > 0) copyBlock<T, true>(sweep, base, psi, block);
      forward(sweep, w, outer, s == 0, block, spare, job);
      copyBlock<T, false>(sweep, base, psi, block);
    });
    if (job.cancelled()) return;
  }
}

template <class T>
void Simulator<T>::backward(const Rows& rows, std::size_t first, const T* psi, T* lambda, double* dv, Job& job) {
  constexpr std::size_t W = kLanes<T>;
  bind(rows, first);
  const AngleMap& map = simulation_.map;
  const auto clear = [&](Sums& sums) {
    sums.angles.assign(map.angles() * W, 0.0);
    sums.chains.assign((plan_.chains.size() + 1) * kMatrix * W, 0.0);
    sums.prefix.assign(plan_.prefixAngles ? static_cast<std::size_t>(plan_.qubits) * 4 * W : 0, 0.0);
  };
  if (plan_.whole()) {
    sums_.resize(std::max<std::size_t>(1, sums_.size()));
    clear(sums_[0]);
    const T* state = psi;
    reverse(0, worker(0), 0, state, lambda, sums_[0], job);
  } else {
    sums_.resize(kShares);
    for (Sums& sums : sums_) clear(sums);
    Buffer<T> copy(plan_.amplitudes() * 2 * W);
    std::copy(psi, psi + copy.size(), copy.data());
    for (std::size_t s = plan_.sweeps.size(); s-- > 0;) {
      const Sweep& sweep = plan_.sweeps[s];
      const std::size_t size = (std::size_t{1} << sweep.local.size()) * 2 * W;
      blocks(sweep, job, [&](std::uint64_t outer, int share, int index) {
        Worker& w = *workers_[index];
        T *state = Worker::room(w.block[0], size), *other = Worker::room(w.block[2], size);
        const std::size_t base = baseOf(sweep, plan_.slots, outer);
        copyBlock<T, true>(sweep, base, copy.data(), state);
        copyBlock<T, true>(sweep, base, lambda, other);
        const T* before = state;
        reverse(s, w, outer, before, other, sums_[share], job);
        if (s == 0) return;
        // copyBlock only reads the block here.
        copyBlock<T, false>(sweep, base, copy.data(), const_cast<T*>(before));
        copyBlock<T, false>(sweep, base, lambda, other);
      });
      if (job.cancelled()) return;
    }
    for (std::size_t k = 1; k < sums_.size(); ++k) {
      for (std::size_t i = 0; i < sums_[0].angles.size(); ++i) sums_[0].angles[i] += sums_[k].angles[i];
      for (std::size_t i = 0; i < sums_[0].chains.size(); ++i) sums_[0].chains[i] += sums_[k].chains[i];
      for (std::size_t i = 0; i < sums_[0].prefix.size(); ++i) sums_[0].prefix[i] += sums_[k].prefix[i];
    }
  }

  Sums& total = sums_[0];
  for (std::size_t c = 0; c < plan_.chains.size(); ++c) {
    if (!hasAngles(plan_.chains[c])) continue;
    chainGradient(plan_.chains[c], angles_.data(), chainMatrices_.data() + c * kMatrix * W,
                  total.chains.data() + c * kMatrix * W, static_cast<int>(W), total.angles.data());
  }
  for (int q = 0; plan_.prefixAngles && q < plan_.qubits; ++q) {
    if (!hasAngles(plan_.prefix[q])) continue;
    double products[kMatrix * W] = {};
    for (std::size_t a = 0; a < 2; ++a) {
      const double* source = total.prefix.data() + (q * 2 + a) * 2 * W;
      std::copy(source, source + 2 * W, products + a * 4 * W);
    }
    chainGradient(plan_.prefix[q], angles_.data(), prefixMatrices_.data() + static_cast<std::size_t>(q) * kMatrix * W,
                  products, static_cast<int>(W), total.angles.data());
  }
  const int samples = simulation_.samplesPerPanel<T>();
  std::fill(perSample_.data(), perSample_.data() + map.angles() * samples, 0.0);
  for (std::size_t k = 0; k < map.angles(); ++k) {
    for (std::size_t i = 0; i < W; ++i) perSample_[k * samples + (i >> plan_.laneQubits)] += total.angles[k * W + i];
  }
  map.backward(v_.data(), perSample_.data(), samples, dv);
}

template class Simulator<float>;
template class Simulator<double>;

}  // namespace qrkd
