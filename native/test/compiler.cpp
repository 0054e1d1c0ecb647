// Each rewrite of the compiler by itself: the layers that come out are the ones promised, and the state is unchanged to
// 1e-13 on random circuits of the gates that it is about.
#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>

#include "../core/compiler.h"
#include "../core/simulator.h"
#include "check.h"
#include "random_circuits.h"

namespace qrkd {
namespace {

using Kind = Layer::Kind;

std::size_t layers(const Program& program, Kind kind) {
  return std::count_if(program.layers.begin(), program.layers.end(),
                       [kind](const Layer& layer) { return layer.kind == kind; });
}

// A random circuit of some kinds of gates only, all angles constant.
Circuit only(int qubits, int gates, std::initializer_list<Gate> kinds, unsigned seed) {
  Circuit circuit = randomCircuit(qubits, 1, 0, 0, seed);
  circuit.operations.clear();
  for (unsigned part = 0; static_cast<int>(circuit.operations.size()) < gates; ++part) {
    for (const Operation& op : randomCircuit(qubits, 50, 0, 0, seed + 1000 * part).operations) {
      if (std::count(kinds.begin(), kinds.end(), op.gate) > 0) circuit.operations.push_back(op);
    }
  }
  circuit.operations.resize(gates);
  return circuit;
}

Operation gate(Gate kind, std::vector<int> qubits, double theta = 0) {
  return {kind, std::move(qubits), -1, theta, {}};
}

// The compiled state against the dense one, global phase included.
void unchanged(const Circuit& circuit, const std::string& what) {
  const Simulation simulation(circuit, 0, 30);
  Simulator<double> simulator(simulation);
  Job job;
  const Rows rows{nullptr, 1, 0};
  constexpr std::size_t W = kLanes<double>;
  Buffer<double> psi(circuit.amplitudes() * 2 * W);
  simulator.states(rows, 0, psi.data(), job);
  double cosine[W], sine[W];
  simulator.globalPhase(rows, 0, cosine, sine);
  const Amplitudes expected = referenceState(circuit, {});
  double worst = 0;
  for (std::size_t b = 0; b < expected.size(); ++b) {
    const std::complex<double> found(psi[b * 2 * W], psi[b * 2 * W + W]);
    worst = std::max(worst, std::abs(found * std::complex<double>(cosine[0], sine[0]) - expected[b]));
  }
  check(worst < 1e-13, "%s changes the state by %g", what.c_str(), worst);
}

void walshHadamard(unsigned seed) {
  Circuit circuit = only(5, 20, {Gate::kPhase, Gate::kCX}, seed);
  const auto all = [&] {
    for (int q = 0; q < 5; ++q) circuit.operations.push_back(gate(Gate::kH, {4 - q}));
  };
  all();
  const Program program = compile(circuit);
  check(layers(program, Kind::kHadamards) <= 1, "H on every qubit is one transform");
  check(layers(program, Kind::kChain) <= 4, "%zu chains", layers(program, Kind::kChain));
  unchanged(circuit, "Walsh-Hadamard");
  Circuit start = circuit;
  start.operations.assign(circuit.operations.end() - 5, circuit.operations.end());
  check(compile(start).uniform && compile(start).layers.empty(), "H on |0...0> is the uniform state");
}

void phases(unsigned seed) {
  const Circuit circuit = only(6, 30, {Gate::kPhase, Gate::kCX, Gate::kSwap, Gate::kX, Gate::kGlobal}, seed);
  const Program program = compile(circuit);
  check(layers(program, Kind::kDiagonal) <= 1, "one phase polynomial, not %zu", layers(program, Kind::kDiagonal));
  check(layers(program, Kind::kPermutation) <= 1, "one permutation");
  unchanged(circuit, "phase polynomial");

  // CX RZ CX, as circuits from elsewhere have it, is a phase on a parity and no permutation.
  Circuit ladder;
  ladder.qubits = 4;
  for (int q = 0; q < 4; ++q) ladder.operations.push_back(gate(Gate::kH, {q}));
  for (int q = 0; q + 1 < 4; ++q) {
    ladder.operations.push_back(gate(Gate::kCX, {q, q + 1}));
    ladder.operations.push_back(gate(Gate::kPhase, {q + 1}, 0.3 + q + seed));
    ladder.operations.push_back(gate(Gate::kCX, {q, q + 1}));
  }
  const Program folded = compile(ladder);
  check(folded.uniform && folded.layers.size() == 1 && folded.layers[0].kind == Kind::kDiagonal, "CX P CX");
  unchanged(ladder, "CX P CX");
}

void chains(unsigned seed) {
  const Circuit circuit = only(3, 40, {Gate::kH, Gate::kRX, Gate::kRY, Gate::kPhase, Gate::kX}, seed);
  Circuit single = circuit;
  single.operations.erase(std::remove_if(single.operations.begin(), single.operations.end(),
                                         [](const Operation& op) { return op.qubits.size() > 1; }),
                          single.operations.end());
  check(compile(single).layers.empty(), "one-qubit gates on |0> are a product state");
  unchanged(single, "product state");
  // After something that entangles, one chain a qubit is left.
  Circuit after = only(3, 5, {Gate::kUnitary}, seed + 7);
  const std::size_t before = compile(after).layers.size();
  after.operations.insert(after.operations.end(), single.operations.begin(), single.operations.end());
  const Program program = compile(after);
  check(program.layers.size() <= before + 3, "%zu layers for three chains", program.layers.size() - before);
  unchanged(after, "one-qubit fusion");
}

void cancellation(unsigned seed) {
  Circuit circuit = only(4, 12, {Gate::kH, Gate::kX, Gate::kCX, Gate::kSwap}, seed);
  const auto forward = circuit.operations;
  for (auto op = forward.rbegin(); op != forward.rend(); ++op) circuit.operations.push_back(*op);
  unchanged(circuit, "a circuit and its inverse");
  Circuit pairs;
  pairs.qubits = 2;
  for (const Gate kind : {Gate::kH, Gate::kX}) {
    for (int k = 0; k < 2; ++k) pairs.operations.push_back(gate(kind, {0}));
  }
  for (const double theta : {0.7, -0.7}) pairs.operations.push_back(gate(Gate::kRX, {1}, theta));
  for (int k = 0; k < 2; ++k) pairs.operations.push_back(gate(Gate::kCX, {0, 1}));
  for (int k = 0; k < 2; ++k) pairs.operations.push_back(gate(Gate::kSwap, {1, 0}));
  const Program program = compile(pairs);
  check(program.layers.empty() && !program.hasPrefix(), "inverse neighbours cancel");
}

// Phases at the ends of chains join the polynomial beside them: the zz map is tables and transforms only.
void joins() {
  Circuit circuit;
  circuit.qubits = 3;
  for (int rep = 0; rep < 3; ++rep) {
    for (int q = 0; q < 3; ++q) circuit.operations.push_back(gate(Gate::kH, {q}));
    for (int q = 0; q < 3; ++q) circuit.operations.push_back(gate(Gate::kPhase, {q}, 0.4 + q));
    for (int q = 0; q + 1 < 3; ++q) circuit.operations.push_back(gate(Gate::kPhase, {q, q + 1}, 1.1 * q + 0.2));
  }
  const Program program = compile(circuit);
  check(program.uniform && program.layers.size() == 5, "%zu layers", program.layers.size());
  check(layers(program, Kind::kDiagonal) == 3 && layers(program, Kind::kHadamards) == 2, "tables and transforms");
  unchanged(circuit, "phases joined");
}

}  // namespace
}  // namespace qrkd

int main() {
  using namespace qrkd;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    walshHadamard(seed);
    phases(seed);
    chains(seed);
    cancellation(seed);
    unchanged(randomCircuit(1 + static_cast<int>(seed % 7), static_cast<int>(seed % 60), 0, 0, seed), "everything");
  }
  joins();
  return finish("compiler");
}
