#include "compiler.h"

#include <algorithm>
#include <map>
#include <utility>

namespace qrkd {

AffineMap::AffineMap(int qubits) : rows(qubits) {
  for (int q = 0; q < qubits; ++q) rows[q] = std::uint64_t{1} << q;
}

bool AffineMap::isIdentity() const {
  for (std::size_t q = 0; q < rows.size(); ++q) {
    if (rows[q] != std::uint64_t{1} << q) return false;
  }
  return offset == 0;
}

void AffineMap::cx(int control, int target) {
  rows[target] ^= rows[control];
  offset ^= (offset >> control & 1) << target;
}

void AffineMap::swap(int a, int b) {
  std::swap(rows[a], rows[b]);
  const std::uint64_t differ = (offset >> a ^ offset >> b) & 1;
  offset ^= differ << a | differ << b;
}

bool Program::hasPrefix() const {
  return std::any_of(prefix.begin(), prefix.end(), [](const Chain& chain) { return !chain.empty(); });
}

namespace {

std::uint64_t bit(int q) { return std::uint64_t{1} << q; }

bool isPhase(const Operation& op) { return op.gate == Gate::kPhase; }

// Appends to a chain, cancelling inverse neighbours and adding angles about the same axis.
void append(Chain& chain, const Operation& op) {
  if (!chain.empty() && chain.back().gate == op.gate) {
    Operation& before = chain.back();
    const bool selfInverse = op.gate == Gate::kH || op.gate == Gate::kX;
    const bool rotation = op.gate == Gate::kPhase || op.gate == Gate::kRX || op.gate == Gate::kRY;
    if (selfInverse) {
      chain.pop_back();
      return;
    }
    if (rotation && before.angle == op.angle) {
      before.scale += op.scale;
      if (before.scale == 0) chain.pop_back();
      return;
    }
  }
  chain.push_back(op);
}

class Compiler {
 public:
  explicit Compiler(const Circuit& circuit)
      : qubits_(circuit.qubits), last_(circuit.qubits, -1), pending_(circuit.qubits) {
    for (const Operation& op : circuit.operations) add(op);
    for (int q = 0; q < qubits_; ++q) flush(q);
  }

  Program finish() {
    joinPhases();
    Program program;
    program.qubits = qubits_;
    takePrefix(program);
    for (Block& block : blocks_) emit(block, program);
    program.global = std::move(global_);
    return program;
  }

 private:
  enum class Kind { kLocal, kAffine, kUnitary };
  struct Block {
    Kind kind;
    std::map<int, Chain> chains;   // kLocal
    AffineMap map;                 // kAffine
    std::vector<PhaseTerm> terms;  // on input bits
    std::vector<Operation> moves;
    std::uint64_t touched = 0;
    Operation unitary;  // kUnitary
  };

  void add(const Operation& op) {
    if (op.gate == Gate::kGlobal) {
      global_.push_back({0, op.angle, op.scale});
    } else if (op.qubits.size() == 1) {
      append(pending_[op.qubits[0]], op);
    } else if (op.gate == Gate::kUnitary) {
      for (const int q : op.qubits) flush(q);
      blocks_.push_back({Kind::kUnitary, {}, {}, {}, {}, 0, op});
      touch(static_cast<int>(blocks_.size()) - 1, op);
    } else {
      addAffine(op);
    }
  }

  void touch(int block, const Operation& op) {
    for (const int q : op.qubits) {
      blocks_[block].touched |= bit(q);
      last_[q] = block;
    }
  }

  int firstBlock(Kind kind, int from, int until) const {
    for (int k = from; k < until; ++k) {
      if (blocks_[k].kind == kind) return k;
    }
    return -1;
  }

  // Moves what is pending on a qubit to a block of chains; `until`: only to one before that block.
  bool flush(int q, int until = -1) {
    if (pending_[q].empty()) return true;
    const int size = static_cast<int>(blocks_.size());
    int block = firstBlock(Kind::kLocal, last_[q] + 1, until < 0 ? size : until);
    if (block < 0 && until >= 0) return false;
    if (block < 0) {
      block = size;
      blocks_.push_back({Kind::kLocal, {}, {}, {}, {}, 0, {}});
    }
    blocks_[block].chains[q] = std::move(pending_[q]);
    pending_[q].clear();
    blocks_[block].touched |= bit(q);
    last_[q] = block;
    return true;
  }

  // A phase, CX or SWAP on several qubits joins the earliest block of its kind that nothing separates it from.
  void addAffine(const Operation& op) {
    for (const int q : op.qubits) {
      const auto absorbable = [](const Operation& g) { return g.gate == Gate::kPhase || g.gate == Gate::kX; };
      if (!std::all_of(pending_[q].begin(), pending_[q].end(), absorbable)) flush(q);
    }
    int latest = 0;
    for (const int q : op.qubits) latest = std::max(latest, last_[q]);
    int block = firstBlock(Kind::kAffine, latest, static_cast<int>(blocks_.size()));
    if (block >= 0) {
      for (const int q : op.qubits) {
        if (last_[q] != block && flush(q, block)) continue;
        for (const Operation& gate : pending_[q]) apply(block, gate);
        pending_[q].clear();
      }
    } else {
      for (const int q : op.qubits) flush(q);
      block = static_cast<int>(blocks_.size());
      blocks_.push_back({Kind::kAffine, {}, AffineMap(qubits_), {}, {}, 0, {}});
    }
    apply(block, op);
  }

  void apply(int index, const Operation& op) {
    Block& block = blocks_[index];
    switch (op.gate) {
      case Gate::kPhase: {
        std::uint64_t mask = 0, offset = 0;
        for (const int q : op.qubits) {
          mask ^= block.map.rows[q];
          offset ^= block.map.offset >> q & 1;
        }
        addTerm(block, mask, offset != 0, op);
        break;
      }
      case Gate::kX:
        block.map.x(op.qubits[0]);
        block.moves.push_back(op);
        break;
      case Gate::kCX:
        block.map.cx(op.qubits[0], op.qubits[1]);
        block.moves.push_back(op);
        break;
      default:
        block.map.swap(op.qubits[0], op.qubits[1]);
        block.moves.push_back(op);
    }
    touch(index, op);
  }

  // e^{i theta (1 - parity)} is e^{i theta} times the phase of -theta.
  void addTerm(Block& block, std::uint64_t mask, bool flipped, const Operation& op) {
    if (flipped) global_.push_back({0, op.angle, op.scale});
    const double scale = flipped ? -op.scale : op.scale;
    for (PhaseTerm& term : block.terms) {
      if (term.mask != mask || term.angle != op.angle) continue;
      term.scale += scale;
      return;
    }
    block.terms.push_back({mask, op.angle, scale});
  }

  static bool entangles(const Block& block) {
    return block.kind == Kind::kAffine && std::any_of(block.terms.begin(), block.terms.end(),
                                                      [](const PhaseTerm& t) { return (t.mask & (t.mask - 1)) != 0; });
  }

  // Where a phase polynomial is computed anyway, phases of single qubits next to it cost nothing in it.
  void joinPhases() {
    for (std::size_t k = 0; k < blocks_.size(); ++k) {
      for (auto& [q, chain] : blocks_[k].chains) {
        Block* next = neighbour(k, q, 1);
        while (next != nullptr && entangles(*next) && !chain.empty() && isPhase(chain.back())) {
          addTerm(*next, bit(q), false, chain.back());
          chain.pop_back();
        }
        Block* before = neighbour(k, q, -1);
        while (before != nullptr && entangles(*before) && !chain.empty() && isPhase(chain.front())) {
          addTerm(*before, before->map.rows[q], before->map.offset >> q & 1, chain.front());
          chain.erase(chain.begin());
        }
      }
    }
  }

  Block* neighbour(std::size_t from, int q, int direction) {
    for (auto k = static_cast<std::ptrdiff_t>(from) + direction; k >= 0 && k < std::ptrdiff_t(blocks_.size());
         k += direction) {
      if (blocks_[k].touched >> q & 1) return &blocks_[k];
    }
    return nullptr;
  }

  void takePrefix(Program& program) {
    program.prefix.resize(qubits_);
    std::uint64_t seen = 0;
    for (Block& block : blocks_) {
      for (auto& [q, chain] : block.chains) {
        if (!(seen >> q & 1)) program.prefix[q] = std::move(chain);
        if (!(seen >> q & 1)) chain.clear();
      }
      seen |= block.touched;
    }
    program.uniform = qubits_ > 0 && std::all_of(program.prefix.begin(), program.prefix.end(), [](const Chain& chain) {
                        return chain.size() == 1 && chain[0].gate == Gate::kH;
                      });
  }

  void emit(Block& block, Program& program) {
    if (block.kind == Kind::kUnitary) {
      Layer layer{Layer::Kind::kUnitary, block.touched, {}, {}, {}, block.unitary.qubits, block.unitary.matrix};
      program.layers.push_back(std::move(layer));
      return;
    }
    std::uint64_t hadamards = 0;
    for (const auto& [q, chain] : block.chains) {
      if (chain.size() == 1 && chain[0].gate == Gate::kH) hadamards |= bit(q);
    }
    if (hadamards != 0) program.layers.push_back({Layer::Kind::kHadamards, hadamards, {}, {}, {}, {}, {}});
    for (auto& [q, chain] : block.chains) {
      if (chain.empty() || (hadamards >> q & 1)) continue;
      program.layers.push_back({Layer::Kind::kChain, bit(q), std::move(chain), {}, {}, {}, {}});
    }
    std::vector<PhaseTerm> terms;
    std::uint64_t support = 0;
    for (const PhaseTerm& term : block.terms) {
      if (term.scale == 0) continue;
      terms.push_back(term);
      support |= term.mask;
    }
    if (!terms.empty()) program.layers.push_back({Layer::Kind::kDiagonal, support, {}, std::move(terms), {}, {}, {}});
    if (block.kind == Kind::kAffine && !block.map.isIdentity()) {
      std::uint64_t moved = 0;
      for (const Operation& op : block.moves) {
        for (const int q : op.qubits) moved |= bit(q);
      }
      program.layers.push_back({Layer::Kind::kPermutation, moved, {}, {}, std::move(block.moves), {}, {}});
    }
  }

  int qubits_;
  std::vector<Block> blocks_;
  std::vector<int> last_;       // [qubit]: last block that touches it
  std::vector<Chain> pending_;  // [qubit]: gates after that block
  std::vector<PhaseTerm> global_;
};

}  // namespace

Program compile(const Circuit& circuit) { return Compiler(circuit).finish(); }

}  // namespace qrkd
