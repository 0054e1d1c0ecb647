#include "circuit.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace qrkd {
namespace {

void expect(bool good, std::size_t operation, const char* what) {
  if (!good) throw std::invalid_argument("operation " + std::to_string(operation) + ": " + what);
}

bool isUnitary(const std::vector<std::complex<double>>& matrix, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      std::complex<double> sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += std::conj(matrix[k * n + i]) * matrix[k * n + j];
      if (!(std::abs(sum - (i == j ? 1.0 : 0.0)) < 1e-8)) return false;
    }
  }
  return true;
}

}  // namespace

void validate(const Circuit& circuit) {
  const auto count = static_cast<int>(circuit.map.angles());
  for (std::size_t k = 0; k < circuit.operations.size(); ++k) {
    const Operation& op = circuit.operations[k];
    const std::size_t qubits = op.qubits.size();
    switch (op.gate) {
      case Gate::kGlobal:
        expect(qubits == 0, k, "a global phase has no qubits");
        break;
      case Gate::kCX:
      case Gate::kSwap:
        expect(qubits == 2, k, "needs two qubits");
        break;
      case Gate::kPhase:
        expect(qubits >= 1, k, "needs a qubit");
        break;
      case Gate::kUnitary:
        expect(qubits >= 1 && qubits <= 3, k, "needs one to three qubits");
        expect(op.matrix.size() == (std::size_t{1} << 2 * qubits), k, "wrong number of matrix entries");
        expect(isUnitary(op.matrix, std::size_t{1} << qubits), k, "the matrix is not unitary");
        break;
      default:
        expect(qubits == 1, k, "needs one qubit");
    }
    const bool rotates =
        op.gate == Gate::kRX || op.gate == Gate::kRY || op.gate == Gate::kPhase || op.gate == Gate::kGlobal;
    expect(op.angle >= -1 && op.angle < (rotates ? count : 0), k, "bad angle index");
    // Far from where scale * angle, or a sum of such, would overflow.
    expect(std::abs(op.scale) < (op.angle < 0 ? 1e300 : 1e6), k, "the angle is too large");
    for (std::size_t i = 0; i < qubits; ++i) {
      expect(op.qubits[i] >= 0 && op.qubits[i] < circuit.qubits, k, "no such qubit");
      expect(std::count(op.qubits.begin(), op.qubits.end(), op.qubits[i]) == 1, k, "a qubit is listed twice");
    }
  }
}

bool isProduct(const Circuit& circuit) {
  return std::all_of(circuit.operations.begin(), circuit.operations.end(),
                     [](const Operation& op) { return op.qubits.size() <= 1; });
}

}  // namespace qrkd
