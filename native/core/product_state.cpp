#include "product_state.h"

#include <algorithm>
#include <stdexcept>

#include "angles.h"
#include "kernel.h"

namespace qrkd {
namespace {
constexpr int kMost = 16;
}

ProductCircuit::ProductCircuit(const Circuit& circuit) : map(circuit.map), chains(circuit.qubits) {
  for (const Operation& op : circuit.operations) {
    if (op.qubits.size() > 1) throw std::invalid_argument("not a product circuit");
    if (op.qubits.empty()) {
      global.push_back({0, op.angle, op.scale});
    } else {
      chains[op.qubits[0]].push_back(op);
    }
  }
}

ProductSamples::ProductSamples(const ProductCircuit& circuit, int lanes)
    : circuit_(circuit),
      lanes_(lanes),
      v_(circuit.map.variables() * lanes),
      angle_(circuit.map.angles() * lanes),
      dangle_(angle_.size()) {}

void ProductSamples::bind(const Rows& rows, std::size_t first) {
  circuit_.map.forward(rows, first, lanes_, v_.data(), angle_.data());
  std::fill(dangle_.begin(), dangle_.end(), 0.0);
}

void ProductSamples::amplitudes(std::size_t qubit, double* u) {
  double matrix[8 * kMost];
  chainMatrix(circuit_.chains[qubit], angle_.data(), lanes_, matrix);
  std::copy(matrix, matrix + 2 * lanes_, u);
  std::copy(matrix + 4 * lanes_, matrix + 6 * lanes_, u + 2 * lanes_);
}

void ProductSamples::vector(std::size_t qubit, double* r) {
  double u[4 * kMost];
  amplitudes(qubit, u);
  for (int i = 0; i < lanes_; ++i) {
    const double a = u[i], b = u[lanes_ + i], c = u[2 * lanes_ + i], d = u[3 * lanes_ + i];
    r[i] = 2 * (a * c + b * d);
    r[lanes_ + i] = 2 * (a * d - b * c);
    r[2 * lanes_ + i] = a * a + b * b - c * c - d * d;
  }
}

// lambda = (w_x X + w_y Y + w_z Z) u, and d loss = 2 Re <lambda|d u> with u = chain |0>.
void ProductSamples::addGradient(std::size_t qubit, const double* w) {
  double matrix[8 * kMost], products[8 * kMost] = {};
  const Chain& chain = circuit_.chains[qubit];
  if (!hasAngles(chain)) return;
  chainMatrix(chain, angle_.data(), lanes_, matrix);
  for (int i = 0; i < lanes_; ++i) {
    const double a = matrix[i], b = matrix[lanes_ + i], c = matrix[4 * lanes_ + i], d = matrix[5 * lanes_ + i];
    const double x = w[i], y = w[lanes_ + i], z = w[2 * lanes_ + i];
    products[i] = z * a + x * c + y * d;
    products[lanes_ + i] = -(z * b + x * d - y * c);
    products[4 * lanes_ + i] = x * a - y * b - z * c;
    products[5 * lanes_ + i] = -(x * b + y * a - z * d);
  }
  chainGradient(chain, angle_.data(), matrix, products, lanes_, dangle_.data());
}

void ProductSamples::variables(double* dv) const { circuit_.map.backward(v_.data(), dangle_.data(), lanes_, dv); }

void ProductSamples::globalPhase(double* phase) const {
  std::fill(phase, phase + lanes_, 0.0);
  for (const PhaseTerm& term : circuit_.global) {
    for (int i = 0; i < lanes_; ++i) {
      double theta = term.angle < 0 ? term.scale : term.scale * angle_[term.angle * lanes_ + i];
      reduceAngles(&theta, 1);
      phase[i] += theta;
    }
  }
}

}  // namespace qrkd
