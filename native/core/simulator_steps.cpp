// The steps of a sweep on one block: forwards, and backwards with the sums that gradients are made of.
#include <algorithm>
#include <utility>

#include "isa.h"
#include "simulator_work.h"

namespace qrkd {

// A diagonal step's table for a block. Those of groups are computed once a block and kept until the next one.
template <class T>
const T* Simulator<T>::table(const Step& step, const Sweep& sweep, Worker& w, std::uint64_t outer) {
  const std::size_t size = step.polynomial->entries() * 2 * kLanes<T>;
  if (sweep.groupSize[step.group] < 2) {
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
        kernel.oneQubit(psi, bits, step.position, matrices_.data() + c * kMatrix * W, step.real);
        break;
      }
      case Step::Kind::kDiagonal:
        if (k == 0 && direct) {
          if (sweep.groupSize[step.group] > 1) {
            const T* phases = table(step, sweep, w, outer);
            std::copy(phases, phases + amplitudes * 2 * W, psi);
          } else {
            step.polynomial->table<T>(angles_.data(), outer, step.scale, w.phases, psi);
          }
        } else if (step.steps.empty()) {
          kernel.multiply(psi, table(step, sweep, w, outer), amplitudes);
        } else {
          kernel.multiplyIndexed(psi, table(step, sweep, w, outer), amplitudes, step.steps.data(), 0);
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
        const T* inverse = adjoints_.data() + c * kMatrix * W;
        if (psiBefore || step.gradient) kernel.oneQubit(own(), bits, step.position, inverse, step.real);
        if (step.gradient) {
          T products[kMatrix * W];
          std::fill(products, products + kMatrix * W, T(0));
          kernel.pairProducts(lambda, psi, bits, step.position, products);
          double* target = sums.chains.data() + c * kMatrix * W;
          for (std::size_t i = 0; i < kMatrix * W; ++i) target[i] += products[i];
        }
        kernel.oneQubit(lambda, bits, step.position, inverse, step.real);
        break;
      }
      case Step::Kind::kDiagonal: {
        const bool more = !start || plan_.prefixAngles || earlier;
        const T* phases = more || step.gradient ? table(step, sweep, w, outer) : nullptr;
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

#define QRKD_INSTANTIATE(T)                                                                              \
  template void Simulator<T>::forward(const Sweep&, Worker&, std::uint64_t, bool, T*&, T*&, const Job&); \
  template void Simulator<T>::reverse(std::size_t, Worker&, std::uint64_t, const T*&, T*&, Sums&, const Job&);
QRKD_INSTANTIATE(float)
QRKD_INSTANTIATE(double)
#undef QRKD_INSTANTIATE

}  // namespace qrkd
