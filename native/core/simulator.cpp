#include "simulator.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "angles.h"
#include "chain.h"
#include "isa.h"
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

constexpr int kMatrix = 8;  // scalars of a 2 x 2 complex matrix

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
struct Simulator<T>::Worker {
  Buffer<T> block[4];  // psi and lambda of a block, and room for permutations
  Buffer<T> state;     // psi of a whole panel on its way back, or room for its permutations
  Buffer<T> state2, spare;
  Buffer<T> table;  // of a step whose table nobody else uses
  std::vector<Buffer<T>> groupTables, groupGradients;
  std::vector<bool> ready;
  Buffer<T> levels, products;
  typename PhasePolynomial::Scratch<T> phases;

  static T* room(Buffer<T>& buffer, std::size_t size) {
    if (buffer.size() < size) buffer = Buffer<T>(size);
    return buffer.data();
  }
};

template <class T>
struct Simulator<T>::Sums {
  std::vector<double> angles;  // [angle][lane]
  std::vector<double> chains;  // [chain][8][lane]
  std::vector<double> prefix;  // [qubit][bit][re, im][lane]
};

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

// A diagonal step's table for a block. Those of groups are computed once a block and kept until the next one.
template <class T>
const T* Simulator<T>::table(const Step& step, const Sweep& sweep, Worker& w, std::uint64_t outer, bool keep) {
  const std::size_t size = step.polynomial->entries() * 2 * kLanes<T>;
  if (!keep && sweep.groupSize[step.group] < 2) {
    T* table = Worker::room(w.table, size);
    step.polynomial->table<T>(angles_.data(), outer, step.scale, w.phases, table);
    return table;
  }
  if (w.groupTables.size() < static_cast<std::size_t>(sweep.groups)) w.groupTables.resize(sweep.groups);
  T* table = Worker::room(w.groupTables[step.group], size);
  if (!w.ready[step.group]) step.polynomial->table<T>(angles_.data(), outer, step.scale, w.phases, table);
  w.ready[step.group] = true;
  return table;
}

// start = product of the prefix's amplitudes of all qubits that are not in the block's index; `without` leaves one out.
template <class T>
void Simulator<T>::productStart(const Sweep& sweep, std::uint64_t outer, int without, T* start) const {
  constexpr int W = kLanes<T>;
  std::fill(start, start + W, T(1));
  std::fill(start + W, start + 2 * W, T(0));
  const auto factor = [&](int q, auto bitOf) {
    if (q == without) return;
    for (int i = 0; i < W; ++i) {
      const T* u = prefix_.data() + (q * 2 + bitOf(i)) * 2 * W + i;
      const T re = start[i], im = start[W + i];
      start[i] = re * u[0] - im * u[W];
      start[W + i] = re * u[W] + im * u[0];
    }
  };
  for (int q = 0; q < plan_.laneQubits; ++q) factor(q, [q](int lane) { return lane >> q & 1; });
  std::size_t next = 0;
  int outerBit = 0;
  for (int slot = 0; slot < plan_.slots; ++slot) {
    if (next < sweep.local.size() && sweep.local[next] == slot) {
      ++next;
      continue;
    }
    const int value = static_cast<int>(outer >> outerBit++ & 1);
    factor(plan_.laneQubits + slot, [value](int) { return value; });
  }
}

template <class T>
void Simulator<T>::initial(const Sweep& sweep, Worker& w, std::uint64_t outer, T* psi) {
  constexpr int W = kLanes<T>;
  const int bits = static_cast<int>(sweep.local.size());
  if (plan_.uniform) {
    const T value = static_cast<T>(std::pow(0.5, 0.5 * plan_.qubits));
    for (std::size_t b = 0; b < std::size_t{1} << bits; ++b) {
      std::fill(psi + b * 2 * W, psi + b * 2 * W + W, value);
      std::fill(psi + b * 2 * W + W, psi + (b + 1) * 2 * W, T(0));
    }
    return;
  }
  T start[2 * W];
  productStart(sweep, outer, -1, start);
  T* factors = Worker::room(w.products, static_cast<std::size_t>(bits + 1) * 4 * W);
  for (int k = 0; k < bits; ++k) {
    const T* source = prefix_.data() + static_cast<std::size_t>(plan_.laneQubits + sweep.local[k]) * 4 * W;
    std::copy(source, source + 4 * W, factors + k * 4 * W);
  }
  kernels<T>().productState(psi, start, factors, bits);
}

// Runs the steps on a block. Permutations go from one buffer to the other: the result is in `psi` afterwards.
template <class T>
void Simulator<T>::forward(const Sweep& sweep, Worker& w, std::uint64_t outer, bool first, T*& psi, T*& spare,
                           const Job& job) {
  constexpr std::size_t W = kLanes<T>;
  const KernelTable<T>& kernel = kernels<T>();
  const int bits = static_cast<int>(sweep.local.size());
  const std::size_t amplitudes = std::size_t{1} << bits;
  w.ready.assign(sweep.groups, false);
  const bool direct = first && plan_.direct;
  if (first && !direct) initial(sweep, w, outer, psi);
  for (std::size_t k = 0; k < sweep.steps.size() && !job.cancelled(); ++k) {
    const Step& step = sweep.steps[k];
    switch (step.kind) {
      case Step::Kind::kHadamards:
        kernel.hadamard(psi, bits, 2 * W);
        if (step.scale != 1) {
          const T scale = static_cast<T>(step.scale);
          for (std::size_t i = 0; i < amplitudes * 2 * W; ++i) psi[i] *= scale;
        }
        break;
      case Step::Kind::kChain: {
        const std::size_t c = step.chain < 0 ? plan_.chains.size() : step.chain;
        const bool real = step.chain < 0 || isReal(plan_.chains[c]);
        kernel.oneQubit(psi, bits, step.position, matrices_.data() + c * kMatrix * W, real);
        break;
      }
      case Step::Kind::kDiagonal:
        if (k == 0 && direct) {
          if (sweep.groupSize[step.group] > 1) {
            const T* phases = table(step, sweep, w, outer, true);
            std::copy(phases, phases + amplitudes * 2 * W, psi);
          } else {
            step.polynomial->table<T>(angles_.data(), outer, step.scale, w.phases, psi);
          }
        } else if (step.steps.empty()) {
          kernel.multiply(psi, table(step, sweep, w, outer, false), amplitudes);
        } else {
          kernel.multiplyIndexed(psi, table(step, sweep, w, outer, false), amplitudes, step.steps.data(), 0);
        }
        break;
      case Step::Kind::kPermutation:
        if (spare == nullptr) spare = Worker::room(w.spare, amplitudes * 2 * W);
        kernel.permute(psi, spare, amplitudes, step.first, step.steps.data());
        std::swap(psi, spare);
        break;
      case Step::Kind::kUnitary: {
        T matrix[128];
        std::copy(step.matrix.begin(), step.matrix.end(), matrix);
        kernel.unitary(psi, bits, step.positions.data(), static_cast<int>(step.positions.size()), matrix);
        break;
      }
      case Step::Kind::kSwapLane:
        kernel.swapLanes(psi, bits, step.position, step.lane);
        break;
    }
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

// Unwinds a sweep on a block: lambda and, as far as earlier gradients need it, psi. `psi` may point to memory that must
// not change: the first step that would change it copies.
template <class T>
void Simulator<T>::reverse(std::size_t sweepIndex, Worker& w, std::uint64_t outer, const T*& psi, T*& lambda,
                           Sums& sums, const Job& job) {
  constexpr std::size_t W = kLanes<T>;
  const KernelTable<T>& kernel = kernels<T>();
  const Sweep& sweep = plan_.sweeps[sweepIndex];
  const int bits = static_cast<int>(sweep.local.size());
  const std::size_t amplitudes = std::size_t{1} << bits, size = amplitudes * 2 * W;
  const bool direct = sweepIndex == 0 && plan_.direct;
  w.ready.assign(sweep.groups, false);
  if (w.groupGradients.size() < static_cast<std::size_t>(sweep.groups)) w.groupGradients.resize(sweep.groups);

  // The last step before which nothing needs psi any more: earlier sweeps do, the first table on the uniform state is
  // psi itself.
  std::size_t needed = sweep.steps.size();
  const bool earlier = sweepIndex > 0;
  for (std::size_t k = sweep.steps.size(); k-- > 0;) {
    if (sweep.steps[k].gradient && !(direct && k == 0)) needed = k;
  }
  T* owned = nullptr;
  T* spares[2] = {nullptr, nullptr};
  const auto own = [&]() {
    if (owned != nullptr) return owned;
    owned = Worker::room(w.state, size);
    std::copy(psi, psi + size, owned);
    psi = owned;
    return owned;
  };
  std::vector<bool> accumulated(sweep.groups, false);

  for (std::size_t k = sweep.steps.size(); k-- > 0 && !job.cancelled();) {
    const Step& step = sweep.steps[k];
    // Whether psi before this step will be read.
    const bool psiBefore = earlier || (needed < k);
    const bool start = k == 0 && direct;
    switch (step.kind) {
      case Step::Kind::kHadamards: {
        const auto undo = [&](T* panel) {
          kernel.hadamard(panel, bits, 2 * W);
          if (step.scale == 1) return;
          const T scale = static_cast<T>(step.scale);
          for (std::size_t i = 0; i < size; ++i) panel[i] *= scale;
        };
        undo(lambda);
        if (psiBefore) undo(own());
        break;
      }
      case Step::Kind::kChain: {
        const std::size_t c = step.chain < 0 ? plan_.chains.size() : step.chain;
        const bool real = step.chain < 0 || isReal(plan_.chains[c]);
        const T* inverse = adjoints_.data() + c * kMatrix * W;
        if (psiBefore || step.gradient) kernel.oneQubit(own(), bits, step.position, inverse, real);
        if (step.gradient) {
          T products[kMatrix * W];
          std::fill(products, products + kMatrix * W, T(0));
          kernel.pairProducts(lambda, psi, bits, step.position, products);
          double* target = sums.chains.data() + c * kMatrix * W;
          for (std::size_t i = 0; i < kMatrix * W; ++i) target[i] += products[i];
        }
        kernel.oneQubit(lambda, bits, step.position, inverse, real);
        break;
      }
      case Step::Kind::kDiagonal: {
        const bool more = !start || plan_.prefixAngles || earlier;
        const T* phases = more || step.gradient ? table(step, sweep, w, outer, true) : nullptr;
        if (step.gradient) {
          const std::size_t entries = step.polynomial->entries();
          T* g = Worker::room(w.groupGradients[step.group], entries * W);
          const T* here = start ? phases : psi;
          if (step.steps.empty()) {
            kernel.imagProduct(here, lambda, g, amplitudes, accumulated[step.group]);
          } else {
            if (!accumulated[step.group]) std::fill(g, g + entries * W, T(0));
            kernel.imagProductIndexed(here, lambda, g, amplitudes, step.steps.data());
          }
          accumulated[step.group] = true;
        }
        const auto undo = [&](T* panel) {
          if (step.steps.empty()) {
            kernel.multiplyConj(panel, phases, amplitudes);
          } else {
            kernel.multiplyIndexed(panel, phases, amplitudes, step.steps.data(), 1);
          }
        };
        if (!start) {
          undo(lambda);
          if (psiBefore) undo(own());
        }
        break;
      }
      case Step::Kind::kPermutation: {
        const auto undo = [&](const T* from, T* to) {
          kernel.permute(from, to, amplitudes, step.inverseFirst, step.inverse.data());
        };
        if (spares[1] == nullptr) spares[1] = Worker::room(w.spare, size);
        undo(lambda, spares[1]);
        std::swap(lambda, spares[1]);
        if (psiBefore) {
          if (owned == nullptr) {
            owned = Worker::room(w.state, size);
            undo(psi, owned);
          } else {
            if (spares[0] == nullptr) spares[0] = Worker::room(w.state2, size);
            undo(owned, spares[0]);
            std::swap(owned, spares[0]);
          }
          psi = owned;
        }
        break;
      }
      case Step::Kind::kUnitary: {
        const std::size_t d = std::size_t{1} << step.positions.size();
        T inverse[128];
        for (std::size_t r = 0; r < d; ++r) {
          for (std::size_t c = 0; c < d; ++c) {
            inverse[(c * d + r) * 2] = static_cast<T>(step.matrix[(r * d + c) * 2]);
            inverse[(c * d + r) * 2 + 1] = static_cast<T>(-step.matrix[(r * d + c) * 2 + 1]);
          }
        }
        const int count = static_cast<int>(step.positions.size());
        kernel.unitary(lambda, bits, step.positions.data(), count, inverse);
        if (psiBefore) kernel.unitary(own(), bits, step.positions.data(), count, inverse);
        break;
      }
      case Step::Kind::kSwapLane:
        kernel.swapLanes(lambda, bits, step.position, step.lane);
        if (psiBefore) kernel.swapLanes(own(), bits, step.position, step.lane);
        break;
    }
  }
  for (const Step& step : sweep.steps) {
    if (step.kind != Step::Kind::kDiagonal || !accumulated[step.group]) continue;
    step.polynomial->gradient<T>(w.groupGradients[step.group].data(), outer, sums.angles.data());
    accumulated[step.group] = false;
  }
  if (sweepIndex == 0 && plan_.prefixAngles) prefixProducts(sweep, w, outer, lambda, sums);
}

// d loss / d amplitudes of the prefix's qubits, from lambda at the start. Destroys lambda.
template <class T>
void Simulator<T>::prefixProducts(const Sweep& sweep, Worker& w, std::uint64_t outer, T* lambda, Sums& sums) {
  constexpr int W = kLanes<T>;
  const int bits = static_cast<int>(sweep.local.size());
  T start[2 * W], dstart[2 * W];
  productStart(sweep, outer, -1, start);
  T* factors = Worker::room(w.products, static_cast<std::size_t>(2 * bits + 1) * 4 * W);
  T* du = factors + bits * 4 * W;
  for (int k = 0; k < bits; ++k) {
    const T* source = prefix_.data() + static_cast<std::size_t>(plan_.laneQubits + sweep.local[k]) * 4 * W;
    std::copy(source, source + 4 * W, factors + k * 4 * W);
  }
  T* levels = Worker::room(w.levels, (std::size_t{1} << bits) * 2 * W);
  kernels<T>().productGradient(lambda, start, factors, bits, levels, du, dstart);
  for (int k = 0; k < bits; ++k) {
    double* target = sums.prefix.data() + static_cast<std::size_t>(plan_.laneQubits + sweep.local[k]) * 4 * W;
    for (int i = 0; i < 4 * W; ++i) target[i] += du[k * 4 * W + i];
  }
  // The other qubits' amplitudes are factors of `start`.
  const auto share = [&](int q, auto bitOf) {
    T others[2 * W];
    productStart(sweep, outer, q, others);
    for (int i = 0; i < W; ++i) {
      double* target = sums.prefix.data() + (static_cast<std::size_t>(q) * 2 + bitOf(i)) * 2 * W + i;
      target[0] += dstart[i] * others[i] - dstart[W + i] * others[W + i];
      target[W] += dstart[i] * others[W + i] + dstart[W + i] * others[i];
    }
  };
  for (int q = 0; q < plan_.laneQubits; ++q) share(q, [q](int lane) { return lane >> q & 1; });
  int outerBit = 0;
  for (int slot = 0; slot < plan_.slots; ++slot) {
    if (std::binary_search(sweep.local.begin(), sweep.local.end(), slot)) continue;
    const int value = static_cast<int>(outer >> outerBit++ & 1);
    share(plan_.laneQubits + slot, [value](int) { return value; });
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
