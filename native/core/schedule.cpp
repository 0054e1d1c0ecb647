#include "schedule.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "chain.h"

namespace qrkd {
namespace {

std::uint64_t bit(int q) { return std::uint64_t{1} << q; }

// Low slots are in every block, so that blocks are copied in runs of 1 KiB.
constexpr int kRunSlots = 3;

// What is scheduled as one: a layer, or one gate of a layer that acts on qubits one by one.
struct Item {
  const Layer* layer;
  std::uint64_t touches;
  std::vector<int> needs;           // qubits that must be slots of the block
  const Operation* move = nullptr;  // of a permutation
  bool done = false;
};

std::vector<Item> itemsOf(const Program& program, bool whole) {
  std::vector<Item> items;
  for (const Layer& layer : program.layers) {
    if (layer.kind == Layer::Kind::kDiagonal) {
      items.push_back({&layer, layer.mask, {}});
    } else if (layer.kind == Layer::Kind::kPermutation) {
      for (const Operation& op : layer.moves) {
        std::uint64_t touches = 0;
        for (const int q : op.qubits) touches |= bit(q);
        items.push_back({&layer, touches, op.qubits, &op});
      }
    } else if (layer.kind == Layer::Kind::kUnitary) {
      items.push_back({&layer, layer.mask, layer.qubits});
    } else if (whole && layer.kind == Layer::Kind::kHadamards) {
      items.push_back({&layer, layer.mask, {}});
      for (int q = 0; q < program.qubits; ++q) {
        if (layer.mask >> q & 1) items.back().needs.push_back(q);
      }
    } else {
      for (int q = 0; q < program.qubits; ++q) {
        if (layer.mask >> q & 1) items.push_back({&layer, bit(q), {q}});
      }
    }
  }
  return items;
}

// The steps of linear maps of indices, for kernels/gates.inl: the xor of the images of the lowest t + 1 bits.
std::vector<unsigned long long> stepsOf(const std::vector<std::uint64_t>& columns) {
  std::vector<unsigned long long> steps;
  std::uint64_t image = 0;
  for (const std::uint64_t column : columns) steps.push_back(image ^= column);
  // Read once past the last index.
  steps.push_back(0);
  return steps;
}

class Scheduler {
 public:
  Scheduler(const Program& program, int laneQubits, int blockBits)
      : lanes_(laneQubits), items_(itemsOf(program, program.qubits - laneQubits <= blockBits && laneQubits == 0)) {
    result_.qubits = program.qubits;
    result_.laneQubits = laneQubits;
    result_.slots = program.qubits - laneQubits;
    result_.uniform = program.uniform;
    result_.prefix = program.prefix;
    for (const Chain& chain : program.prefix) result_.prefixAngles |= !program.uniform && hasAngles(chain);
    result_.global = program.global;
    blockBits_ = std::min(blockBits, result_.slots);
    for (int q = 0; q < program.qubits; ++q) at_.push_back(q);
    qubitAt_ = at_;
  }

  Schedule finish() {
    do {
      sweep();
    } while (std::any_of(items_.begin(), items_.end(), [](const Item& item) { return !item.done; }));
    result_.position = at_;
    return std::move(result_);
  }

 private:
  // A step before the block's slots are known: positions and masks are places (lane bits, then slots).
  struct Draft {
    const Item* item;  // null: a swap
    std::vector<int> places;
    std::vector<PhaseTerm> terms;
    int lane = 0;
  };

  bool isLane(int place) const { return place < lanes_; }

  void sweep() {
    local_ = 0;
    const bool whole = blockBits_ == result_.slots;
    // A gate acts on up to three qubits, which always have to fit.
    const int low = whole ? blockBits_ : std::min(kRunSlots, blockBits_ - 3);
    for (int slot = 0; slot < low; ++slot) local_ |= bit(slot);
    drafts_.clear();
    std::uint64_t blocked = 0;
    for (Item& item : items_) {
      if (item.done) continue;
      if ((item.touches & blocked) != 0 || !fetch(item)) {
        blocked |= item.touches;
        continue;
      }
      Draft draft{&item, {}, {}, 0};
      for (const int q : item.needs) draft.places.push_back(at_[q]);
      for (const PhaseTerm& term : item.layer->terms) {
        std::uint64_t places = 0;
        for (int q = 0; q < result_.qubits; ++q) places |= (term.mask >> q & 1) << at_[q];
        draft.terms.push_back({places, term.angle, term.scale});
      }
      drafts_.push_back(std::move(draft));
      item.done = true;
    }
    fill();
    emit();
  }

  // Blocks are always full: unused room takes the lowest slots.
  void fill() {
    for (int slot = 0; slot < result_.slots && __builtin_popcountll(local_) < blockBits_; ++slot) local_ |= bit(slot);
  }

  // Brings the item's qubits into slots of the block, if they fit.
  bool fetch(const Item& item) {
    int missing = 0, swaps = 0;
    for (const int q : item.needs) {
      if (isLane(at_[q])) {
        ++swaps;
      } else if (!(local_ >> (at_[q] - lanes_) & 1)) {
        ++missing;
      }
    }
    const int room = blockBits_ - __builtin_popcountll(local_);
    if (missing > room) return false;
    for (const int q : item.needs) {
      if (!isLane(at_[q])) local_ |= bit(at_[q] - lanes_);
    }
    for (const int q : item.needs) {
      if (isLane(at_[q])) exchange(q, item);
    }
    return true;
  }

  // Swaps a qubit out of its lane with that slot of the block whose qubit is needed last.
  void exchange(int q, const Item& item) {
    int best = -1;
    std::size_t farthest = 0;
    const bool room = __builtin_popcountll(local_) < blockBits_;
    for (int slot = 0; slot < result_.slots; ++slot) {
      if (!room && !(local_ >> slot & 1)) continue;
      const int other = qubitAt_[lanes_ + slot];
      if (std::count(item.needs.begin(), item.needs.end(), other) > 0) continue;
      const std::size_t next = nextNeed(other);
      // Slots that are in the block anyway are preferred.
      const std::size_t rank = 2 * next + (local_ >> slot & 1) + 1;
      if (rank > farthest) {
        farthest = rank;
        best = slot;
      }
    }
    if (best < 0) throw std::logic_error("a block has no slot to spare");
    local_ |= bit(best);
    Draft draft{nullptr, {lanes_ + best}, {}, at_[q]};
    drafts_.push_back(std::move(draft));
    const int lane = at_[q], place = lanes_ + best, other = qubitAt_[place];
    std::swap(at_[q], at_[other]);
    qubitAt_[lane] = other;
    qubitAt_[place] = q;
  }

  std::size_t nextNeed(int q) const {
    for (std::size_t k = 0; k < items_.size(); ++k) {
      if (!items_[k].done && std::count(items_[k].needs.begin(), items_[k].needs.end(), q) > 0) return k;
    }
    return items_.size();
  }

  void emit() {
    Sweep sweep;
    for (int slot = 0; slot < result_.slots; ++slot) {
      if (local_ >> slot & 1) sweep.local.push_back(slot);
    }
    const int bits = static_cast<int>(sweep.local.size());
    const auto localOf = [&](int place) {
      return static_cast<int>(std::lower_bound(sweep.local.begin(), sweep.local.end(), place - lanes_) -
                              sweep.local.begin());
    };
    for (std::size_t k = 0; k < drafts_.size();) {
      const Draft& draft = drafts_[k];
      Step step{};
      if (draft.item == nullptr) {
        step.kind = Step::Kind::kSwapLane;
        step.position = localOf(draft.places[0]);
        step.lane = draft.lane;
        sweep.steps.push_back(std::move(step));
        ++k;
        continue;
      }
      const Layer& layer = *draft.item->layer;
      switch (layer.kind) {
        case Layer::Kind::kHadamards:
          k = hadamards(k, bits, localOf, sweep);
          continue;
        case Layer::Kind::kPermutation:
          k = permutation(k, bits, localOf, sweep);
          continue;
        case Layer::Kind::kChain:
          step.kind = Step::Kind::kChain;
          step.position = localOf(draft.places[0]);
          step.chain = static_cast<int>(result_.chains.size());
          step.gradient = hasAngles(layer.chain);
          step.real = isReal(layer.chain);
          result_.chains.push_back(layer.chain);
          break;
        case Layer::Kind::kDiagonal:
          diagonal(draft, bits, sweep, step);
          break;
        default:
          step.kind = Step::Kind::kUnitary;
          for (const int place : draft.places) step.positions.push_back(localOf(place));
          for (const auto& entry : layer.matrix) {
            step.matrix.push_back(entry.real());
            step.matrix.push_back(entry.imag());
          }
      }
      sweep.steps.push_back(std::move(step));
      ++k;
    }
    result_.sweeps.push_back(std::move(sweep));
  }

  // Hadamards on the whole block are one transform; others are gates.
  template <class F>
  std::size_t hadamards(std::size_t k, int bits, F localOf, Sweep& sweep) {
    std::uint64_t mask = 0;
    std::size_t end = k;
    for (; end < drafts_.size() && drafts_[end].item != nullptr &&
           drafts_[end].item->layer->kind == Layer::Kind::kHadamards;
         ++end) {
      std::uint64_t places = 0;
      for (const int place : drafts_[end].places) places |= bit(localOf(place));
      if ((mask & places) != 0) break;
      mask |= places;
    }
    if (bits > 1 && mask == bit(bits) - 1) {
      Step step{};
      step.kind = Step::Kind::kHadamards;
      step.scale = std::pow(0.5, 0.5 * bits);
      sweep.steps.push_back(step);
    } else {
      for (int position = 0; position < bits; ++position) {
        if (!(mask >> position & 1)) continue;
        Step step{};
        step.kind = Step::Kind::kChain;
        step.position = position;
        sweep.steps.push_back(step);
      }
    }
    return end;
  }

  template <class F>
  std::size_t permutation(std::size_t k, int bits, F localOf, Sweep& sweep) {
    AffineMap map(bits);
    AffineMap inverse(bits);
    std::size_t end = k;
    for (; end < drafts_.size() && drafts_[end].item != nullptr && drafts_[end].item->move != nullptr; ++end) {
      move(*drafts_[end].item->move, drafts_[end].places, localOf, map);
    }
    for (std::size_t back = end; back-- > k;) move(*drafts_[back].item->move, drafts_[back].places, localOf, inverse);
    if (map.isIdentity()) return end;
    Step step{};
    step.kind = Step::Kind::kPermutation;
    const auto columns = [bits](const AffineMap& m) {
      std::vector<std::uint64_t> result(bits, 0);
      for (int row = 0; row < bits; ++row) {
        for (int column = 0; column < bits; ++column) result[column] |= (m.rows[row] >> column & 1) << row;
      }
      return result;
    };
    step.steps = stepsOf(columns(map));
    step.inverse = stepsOf(columns(inverse));
    step.first = map.offset;
    step.inverseFirst = inverse.offset;
    sweep.steps.push_back(std::move(step));
    return end;
  }

  template <class F>
  static void move(const Operation& op, const std::vector<int>& places, F localOf, AffineMap& map) {
    if (op.gate == Gate::kX) {
      map.x(localOf(places[0]));
    } else if (op.gate == Gate::kCX) {
      map.cx(localOf(places[0]), localOf(places[1]));
    } else {
      map.swap(localOf(places[0]), localOf(places[1]));
    }
  }

  void diagonal(const Draft& draft, int bits, Sweep& sweep, Step& step) {
    step.kind = Step::Kind::kDiagonal;
    // Table bits are the support's slots of the block; the rest of a mask is in the block's number or in the lane's.
    std::uint64_t support = 0;
    for (const PhaseTerm& term : draft.terms) support |= term.mask >> lanes_;
    std::vector<std::uint64_t> columns(bits, 0);
    int tableBits = 0;
    std::vector<int> tableBitOf(bits, -1);
    for (int position = 0; position < bits; ++position) {
      if (!(support >> sweep.local[position] & 1)) continue;
      tableBitOf[position] = tableBits;
      columns[position] = bit(tableBits++);
    }
    std::vector<TableTerm> terms;
    for (const PhaseTerm& term : draft.terms) {
      TableTerm out;
      out.lanes = static_cast<unsigned>(term.mask & (bit(lanes_) - 1));
      std::uint64_t slots = term.mask >> lanes_;
      for (int position = 0; position < bits; ++position) {
        const int slot = sweep.local[position];
        if (slots >> slot & 1) out.mask |= bit(tableBitOf[position]);
        slots &= ~bit(slot);
      }
      int outerBit = 0;
      for (int slot = 0; slot < result_.slots; ++slot) {
        if (local_ >> slot & 1) continue;
        if (slots >> slot & 1) out.outer |= bit(outerBit);
        ++outerBit;
      }
      out.angle = term.angle;
      out.scale = term.scale;
      terms.push_back(out);
    }
    if (tableBits < bits) step.steps = stepsOf(columns);
    // The norm of a transform right before rides on the table.
    if (tableBits == bits && !sweep.steps.empty() && sweep.steps.back().kind == Step::Kind::kHadamards &&
        sweep.steps.back().scale != 1) {
      step.scale = sweep.steps.back().scale;
      sweep.steps.back().scale = 1;
    }
    if (tableBits == bits && sweep.steps.empty() && result_.sweeps.empty() && result_.uniform) {
      step.scale = std::pow(0.5, 0.5 * result_.qubits);
      result_.direct = true;
    }
    for (const Step& other : sweep.steps) {
      if (other.kind != Step::Kind::kDiagonal || other.scale != step.scale || other.steps != step.steps ||
          other.polynomial->bits() != tableBits || !(other.polynomial->terms() == terms)) {
        continue;
      }
      step.group = other.group;
      step.polynomial = other.polynomial;
      ++sweep.groupSize[step.group];
      step.gradient = step.polynomial->hasAngles();
      return;
    }
    step.group = sweep.groups++;
    sweep.groupSize.push_back(1);
    step.polynomial = std::make_shared<PhasePolynomial>(std::move(terms), tableBits);
    step.gradient = step.polynomial->hasAngles();
  }

  int lanes_;
  int blockBits_;
  std::vector<Item> items_;
  std::vector<int> at_, qubitAt_;  // place of a qubit, qubit at a place
  std::uint64_t local_ = 0;        // slots of the block
  std::vector<Draft> drafts_;
  Schedule result_;
};

}  // namespace

Schedule schedule(const Program& program, int laneQubits, int blockBits) {
  const int slots = program.qubits - laneQubits;
  if (blockBits < slots ? blockBits < 3 : laneQubits > 0 && slots < 3) throw std::invalid_argument("blocks too small");
  return Scheduler(program, laneQubits, blockBits).finish();
}

int laneQubitsFor(int qubits, std::size_t samples, int lanes) {
  // Below this size lanes that compute nothing are cheaper than exchanging qubits, and results of small and large
  // batches stay the same bit for bit.
  constexpr int kLeast = 14;
  int bits = 0;
  if (qubits < kLeast) return bits;
  while ((samples << (bits + 1)) <= static_cast<std::size_t>(lanes)) ++bits;
  return bits;
}

int blockBitsFor(const Program& program, int slots) {
  // Transforms of whole panels go through the cache by themselves and tables need no block's number, so that layers of
  // these alone are faster on whole panels, until one step takes too long for a prompt abort.
  constexpr int kWhole = 12, kWholeTables = 18, kBlock = 10;
  const std::uint64_t all = program.qubits < 64 ? bit(program.qubits) - 1 : ~std::uint64_t{0};
  const bool tables = std::all_of(program.layers.begin(), program.layers.end(), [all](const Layer& layer) {
    return layer.mask == all && (layer.kind == Layer::Kind::kHadamards || layer.kind == Layer::Kind::kDiagonal);
  });
  return slots <= (tables ? kWholeTables : kWhole) ? slots : kBlock;
}

}  // namespace qrkd
