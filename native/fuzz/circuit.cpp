// Any bytes as a circuit: it is refused by `validate`, or compiled and run in some layout of panels without touching
// memory that is not its own, and then the states are those of the dense reference.
#include <fuzzer/FuzzedDataProvider.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "../core/kernel.h"
#include "../core/simulator.h"
#include "../test/random_circuits.h"

namespace {

using namespace qrkd;

// What is read from one byte: mostly valid, now and then just outside.
int index(FuzzedDataProvider& data, int bound) { return data.ConsumeIntegralInRange<int>(-1, bound); }

double number(FuzzedDataProvider& data) {
  switch (data.ConsumeIntegralInRange<int>(0, 5)) {
    case 0:
      return data.ConsumeFloatingPoint<double>();
    case 1:
      return 0;
    default:
      return data.ConsumeFloatingPointInRange<double>(-10, 10);
  }
}

// A random matrix, in rare cases not unitary.
std::vector<std::complex<double>> unitary(std::size_t qubits, unsigned seed) {
  for (const Operation& op : randomCircuit(3, 40, 0, 0, seed).operations) {
    if (op.gate == Gate::kUnitary && op.qubits.size() == qubits) return op.matrix;
  }
  return std::vector<std::complex<double>>(std::size_t{1} << 2 * qubits);
}

Circuit circuit(FuzzedDataProvider& data) {
  Circuit result;
  result.qubits = data.ConsumeIntegralInRange<int>(1, 7);
  AngleMap& map = result.map;
  map.features = data.ConsumeIntegralInRange<int>(1, 3);
  map.parameters = data.ConsumeIntegralInRange<int>(0, 2);
  for (int k = data.ConsumeIntegralInRange<int>(0, 6); k > 0; --k) {
    for (int t = data.ConsumeIntegralInRange<int>(0, 2); t > 0; --t) {
      const int first = static_cast<int>(map.factors.size());
      for (int f = data.ConsumeIntegralInRange<int>(0, 3); f > 0; --f) {
        const int variable = data.ConsumeIntegralInRange<int>(0, static_cast<int>(map.variables()) - 1);
        map.factors.push_back({variable, number(data), number(data), static_cast<AngleFunction>(data.ConsumeBool())});
      }
      map.terms.push_back({number(data), first, static_cast<int>(map.factors.size())});
    }
    map.starts.push_back(static_cast<int>(map.terms.size()));
  }
  const int angles = static_cast<int>(map.angles());
  for (int k = data.ConsumeIntegralInRange<int>(0, 60); k > 0; --k) {
    Operation op;
    op.gate = static_cast<Gate>(data.ConsumeIntegralInRange<int>(0, kGates - 1));
    int count = 1;
    if (op.gate == Gate::kGlobal) count = 0;
    if (op.gate == Gate::kCX || op.gate == Gate::kSwap) count = 2;
    if (op.gate == Gate::kPhase || op.gate == Gate::kUnitary) count = data.ConsumeIntegralInRange<int>(1, 4);
    if (data.ConsumeIntegralInRange<int>(0, 30) == 0) count = data.ConsumeIntegralInRange<int>(0, 5);
    for (; count > 0; --count) op.qubits.push_back(index(data, result.qubits));
    op.angle = index(data, angles);
    op.scale = number(data);
    if (op.gate == Gate::kUnitary) {
      op.matrix = unitary(op.qubits.size(), data.ConsumeIntegral<unsigned>());
      if (data.ConsumeBool()) op.matrix.resize(data.ConsumeIntegralInRange<int>(0, 64));
    }
    result.operations.push_back(std::move(op));
  }
  return result;
}

void expect(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// Huge numbers lose the angle's last digits, in different ways: nothing to compare then.
bool moderate(const Circuit& circuit) {
  bool result = true;
  const auto add = [&](double v) { result = result && std::abs(v) < 100; };
  for (const Operation& op : circuit.operations) add(op.scale);
  for (const AngleMap::Factor& factor : circuit.map.factors) add(factor.offset), add(factor.scale);
  for (const AngleMap::Term& term : circuit.map.terms) add(term.coefficient);
  return result;
}

template <class T>
void run(const Circuit& circuit, const Rows& rows, int laneQubits, int blockBits) {
  constexpr std::size_t W = kLanes<T>;
  const Simulation simulation(circuit, laneQubits, blockBits);
  Simulator<T> simulator(simulation);
  const Schedule& plan = simulation.plan;
  Buffer<T> psi(plan.amplitudes() * 2 * W), lambda(psi.size());
  Job job;
  simulator.states(rows, 0, psi.data(), job);
  double cosine[W], sine[W];
  simulator.globalPhase(rows, 0, cosine, sine);
  const double tolerance = sizeof(T) == 4 ? 1e-3 : 1e-7;
  const bool comparable = moderate(circuit);
  for (std::size_t s = 0; s < rows.count; ++s) {
    std::vector<double> variables(rows.row(s), rows.row(s) + rows.columns);
    variables.insert(variables.end(), rows.parameters, rows.parameters + rows.parameterCount);
    const Amplitudes expected = referenceState(circuit, variables);
    double norm = 0;
    for (std::size_t b = 0; b < expected.size(); ++b) {
      std::size_t slot = 0, lane = s << laneQubits;
      for (int q = 0; q < plan.qubits; ++q) {
        const int at = plan.position[q];
        (at < laneQubits ? lane : slot) |= (b >> q & 1) << (at < laneQubits ? at : at - laneQubits);
      }
      const std::complex<double> value(psi[slot * 2 * W + lane], psi[slot * 2 * W + W + lane]);
      norm += std::norm(value);
      const bool equal = std::abs(value * std::complex<double>(cosine[s], sine[s]) - expected[b]) < tolerance;
      expect(equal || !comparable, "the states differ from the dense reference");
    }
    expect(std::abs(norm - 1) < tolerance, "the states are not normalised");
  }
  std::copy(psi.data(), psi.data() + psi.size(), lambda.data());
  std::vector<double> dv(circuit.map.variables() * simulation.samplesPerPanel<T>() + 1);
  simulator.backward(rows, 0, psi.data(), lambda.data(), dv.data(), job);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzedDataProvider data(bytes, size);
  // What cannot be large comes first, so that small changes of the rest leave it alone.
  const int laneQubits = data.ConsumeIntegralInRange<int>(0, 3), blockBits = data.ConsumeIntegralInRange<int>(0, 7);
  const std::size_t count = data.ConsumeIntegralInRange<int>(1, 8 >> laneQubits);
  const unsigned seed = data.ConsumeIntegral<unsigned>();
  const Circuit given = circuit(data);
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<double> x(count * given.map.features), parameters(given.map.parameters);
  for (double& v : x) v = uniform(generator);
  for (double& v : parameters) v = uniform(generator);
  const Rows rows{x.data(), count, given.map.features, false, parameters.data(), parameters.size()};
  try {
    validate(given);
    run<double>(given, rows, std::min(laneQubits, given.qubits), blockBits);
    run<float>(given, rows, std::min(laneQubits, given.qubits), blockBits);
  } catch (const std::invalid_argument&) {
    // A circuit or a layout that is refused.
  } catch (const BadSample&) {
    // An angle beyond every number, or acos of what has none.
  }
  return 0;
}
