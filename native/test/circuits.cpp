// Random circuits, compiled and scheduled in every way, on every instruction set (AVX-512 also emulated, where SIMDe is
// installed), against a dense simulation gate by gate: states, kernel matrices, and gradients against finite
// differences. `test_circuits [cases]`.
#include <algorithm>
#include <complex>
#include <cstdlib>
#include <string>

#include "../core/isa.h"
#include "../core/state_kernel.h"
#include "../core/thread_pool.h"
#include "check.h"
#include "random_circuits.h"

#ifdef QRKD_EMULATED_AVX512
namespace qrkd::avx512emulated {
const InstructionSet& instructionSet();
}
#endif

namespace qrkd {
namespace {

// Amplitude of sample s and basis state b.
template <class T>
std::complex<double>* at(const Schedule& plan, std::vector<std::complex<double>>& panel, std::size_t s, std::size_t b) {
  std::size_t index = 0, lane = s << plan.laneQubits;
  for (int q = 0; q < plan.qubits; ++q) {
    const std::size_t value = b >> q & 1;
    const int place = plan.position[q];
    if (place < plan.laneQubits) {
      lane |= value << place;
    } else {
      index |= value << (place - plan.laneQubits);
    }
  }
  return &panel[index * kLanes<T> + lane];
}

template <class T>
void compare(unsigned seed, int laneQubits, int blockBits) {
  constexpr std::size_t W = kLanes<T>;
  const int qubits = std::max(laneQubits == 0 ? 1 : laneQubits + 3, 1 + static_cast<int>(seed % 8));
  const std::size_t features = seed % 4, parameters = (seed / 4) % 3;
  const Circuit circuit = randomCircuit(qubits, static_cast<int>(seed % 61), features, parameters, seed);
  validate(circuit);
  const std::string what = "circuit " + std::to_string(seed) + ", " + std::to_string(qubits) + " qubits, lanes " +
                           std::to_string(laneQubits) + ", blocks " + std::to_string(blockBits);
  const Simulation simulation(circuit, laneQubits, blockBits);
  const Schedule& plan = simulation.plan;
  const auto samples = static_cast<std::size_t>(simulation.samplesPerPanel<T>());
  const std::size_t count = std::max<std::size_t>(1, samples - seed % 2);
  auto x = normals(count * features, seed + 1), p = normals(parameters, seed + 2);
  const Rows rows{x.data(), count, features, false, p.data(), parameters};
  Simulator<T> simulator(simulation);
  Job job;
  Buffer<T> psi(plan.amplitudes() * 2 * W);
  simulator.states(rows, 0, psi.data(), job);
  double cosine[W], sine[W];
  simulator.globalPhase(rows, 0, cosine, sine);
  simulator.states(rows, 0, psi.data(), job);

  std::vector<std::complex<double>> panel(plan.amplitudes() * W), lambda(panel.size());
  for (std::size_t b = 0; b < plan.amplitudes(); ++b) {
    for (std::size_t i = 0; i < W; ++i) panel[b * W + i] = {psi[b * 2 * W + i], psi[b * 2 * W + W + i]};
  }
  // The loss is |<phi|psi>|^2 of each sample, with lambda = <phi|psi> phi.
  const auto random = normals(2 * circuit.amplitudes(), seed + 3, 0.5);
  Amplitudes phi(circuit.amplitudes());
  for (std::size_t b = 0; b < phi.size(); ++b) phi[b] = {random[2 * b], random[2 * b + 1]};
  const auto variablesOf = [&](std::size_t s) {
    std::vector<double> v(x.begin() + s * features, x.begin() + (s + 1) * features);
    v.insert(v.end(), p.begin(), p.end());
    return v;
  };
  const auto overlap = [&](const Amplitudes& state) {
    std::complex<double> sum = 0;
    for (std::size_t b = 0; b < phi.size(); ++b) sum += std::conj(phi[b]) * state[b];
    return sum;
  };
  double worst = 0;
  for (std::size_t s = 0; s < count; ++s) {
    const Amplitudes expected = referenceState(circuit, variablesOf(s));
    std::complex<double> sum = 0;
    const std::complex<double> phase(cosine[s], sine[s]);
    for (std::size_t b = 0; b < phi.size(); ++b) {
      const std::complex<double> found = *at<T>(plan, panel, s, b);
      const double error = std::abs(found * phase - expected[b]);
      if (!(error <= worst)) worst = error;  // unlike std::max, keeps a NaN
      sum += std::conj(phi[b]) * found;
    }
    for (std::size_t b = 0; b < phi.size(); ++b) *at<T>(plan, lambda, s, b) = sum * phi[b];
  }
  check(worst < (sizeof(T) == 4 ? 3e-6 : 1e-13), "%s: states differ by %g", what.c_str(), worst);

  Buffer<T> l(psi.size());
  for (std::size_t b = 0; b < plan.amplitudes(); ++b) {
    for (std::size_t i = 0; i < W; ++i) {
      l[b * 2 * W + i] = static_cast<T>(lambda[b * W + i].real());
      l[b * 2 * W + W + i] = static_cast<T>(lambda[b * W + i].imag());
    }
  }
  const std::size_t variables = features + parameters;
  std::vector<double> dv(variables * samples);
  simulator.backward(rows, 0, psi.data(), l.data(), dv.data(), job);
  worst = 0;
  double largest = 1;
  for (std::size_t s = 0; s < count; ++s) {
    for (std::size_t k = 0; k < variables; ++k) {
      auto v = variablesOf(s);
      const double kept = v[k], h = 1e-4;
      const auto rise = [&](double step) {
        v[k] = kept + step;
        const double up = std::norm(overlap(referenceState(circuit, v)));
        v[k] = kept - step;
        return up - std::norm(overlap(referenceState(circuit, v)));
      };
      // Of fourth order: among thousands of circuits some turn so fast that two points miss by more than is allowed.
      const double slope = (8 * rise(h) - rise(2 * h)) / (12 * h);
      const double error = std::abs(slope - dv[k * samples + s]);
      if (!(error <= worst)) worst = error;
      largest = std::max(largest, std::abs(slope));
    }
  }
  check(worst < (sizeof(T) == 4 ? 3e-5 : 1e-7) * largest, "%s: gradient is off by %g of %g", what.c_str(), worst,
        largest);
}

// A Gram matrix and a cross matrix of several panels.
template <class T>
void compareMatrices(unsigned seed) {
  const std::size_t features = 1 + seed % 3, n = 1 + seed % 23, m = 1 + seed % 19;
  const Circuit circuit = randomCircuit(1 + static_cast<int>(seed % 7), static_cast<int>(seed % 41), features, 1, seed);
  const auto x = normals(n * features, seed + 4), y = normals(m * features, seed + 5), p = normals(1, seed + 6);
  const Rows rowsX{x.data(), n, features, false, p.data(), 1}, rowsY{y.data(), m, features, true, p.data(), 1};
  const auto states = [&](const Rows& rows) {
    std::vector<Amplitudes> result;
    for (std::size_t i = 0; i < rows.count; ++i) {
      std::vector<double> variables(rows.row(i), rows.row(i) + features);
      variables.push_back(p[0]);
      result.push_back(referenceState(circuit, variables));
    }
    return result;
  };
  const auto left = states(rowsX), right = states(rowsY);
  const StateKernel<T> kernel(circuit);
  for (const bool cross : {false, true}) {
    const auto& other = cross ? right : left;
    std::vector<T> matrix(n * other.size());
    Job job;
    kernel.matrix(rowsX, cross ? &rowsY : nullptr, matrix.data(), job);
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < other.size(); ++j) {
        std::complex<double> sum = 0;
        for (std::size_t b = 0; b < left[i].size(); ++b) sum += std::conj(other[j][b]) * left[i][b];
        const double error = std::abs(std::norm(sum) - matrix[i * other.size() + j]);
        if (!(error <= worst)) worst = error;
      }
    }
    check(worst < (sizeof(T) == 4 ? 1e-5 : 1e-12), "circuit %u: the %s matrix is off by %g", seed,
          cross ? "cross" : "Gram", worst);
  }
}

void all(const char* set, unsigned cases) {
  const int before = failures;
  unsigned seed = 0;
  while (seed < cases && failures < before + 10) {
    ++seed;
    compareMatrices<double>(seed);
    compareMatrices<float>(seed);
    compare<double>(seed, 0, 30);
    compare<float>(seed, 0, 30);
    compare<double>(seed, 0, 3 + static_cast<int>(seed % 3));
    for (int lanes = 1; lanes <= 3; ++lanes) {
      compare<double>(seed, lanes, 3 + static_cast<int>(seed % 4));
      compare<float>(seed, lanes + 1, 3 + static_cast<int>(seed % 6));
    }
  }
  std::printf("%s: %u random circuits\n", set, seed);
}

}  // namespace
}  // namespace qrkd

int main(int argc, char** argv) {
  using namespace qrkd;
  const unsigned cases = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 60;
  for (const auto& name : supportedInstructionSets()) {
    selectInstructionSet(name);
    all(name.c_str(), cases);
  }
#ifdef QRKD_EMULATED_AVX512
  selectInstructionSet(avx512emulated::instructionSet());
  all("avx512, emulated", cases);
#endif
  return finish("circuits");
}
