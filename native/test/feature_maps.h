// Feature maps as the TypeScript side lowers them, for tests of kernels.
#pragma once

#include "../core/circuit.h"

namespace qrkd {

/// The zz map with full entanglement.
inline Circuit zz(int qubits, int reps, double bandwidth = 0.7) {
  constexpr double kPi = 3.14159265358979323846;
  Circuit circuit;
  circuit.qubits = qubits;
  circuit.map.features = static_cast<std::size_t>(qubits);
  for (int rep = 0; rep < reps; ++rep) {
    for (int q = 0; q < qubits; ++q) circuit.operations.push_back({Gate::kH, {q}, -1, 0, {}});
    for (int q = 0; q < qubits; ++q) {
      if (rep == 0) circuit.map.add(2, {{q, 0, bandwidth}});
      circuit.operations.push_back({Gate::kPhase, {q}, q, 1, {}});
    }
    int angle = qubits;
    for (int q = 0; q < qubits; ++q) {
      for (int j = 0; j < q; ++j) {
        if (rep == 0) circuit.map.add(2, {{q, kPi, -bandwidth}, {j, kPi, -bandwidth}});
        circuit.operations.push_back({Gate::kPhase, {j, q}, angle++, 1, {}});
      }
    }
  }
  return circuit;
}

}  // namespace qrkd
