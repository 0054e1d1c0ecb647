// Random circuits, and the slow obvious simulation that they are compared with.
#pragma once

#include <complex>
#include <random>
#include <vector>

#include "../core/circuit.h"

namespace qrkd {

using Amplitudes = std::vector<std::complex<double>>;

/// Gates of every kind in random places, or for every fourth seed mostly those that the compiler rewrites; angles
/// constant, of one variable or products of two, with features and parameters as variables.
inline Circuit randomCircuit(int qubits, int gates, std::size_t features, std::size_t parameters, unsigned seed) {
  std::mt19937 generator(seed);
  const auto below = [&](int n) { return static_cast<int>(generator() % static_cast<unsigned>(n)); };
  std::normal_distribution<double> normal;
  Circuit circuit;
  circuit.qubits = qubits;
  circuit.map.features = features;
  circuit.map.parameters = parameters;
  const auto variables = static_cast<int>(features + parameters);
  for (int k = 0; k < 6 && variables > 0; ++k) {
    std::vector<AngleMap::Factor> product = {{below(variables), normal(generator), normal(generator)}};
    if (k % 3 == 2) product.push_back({below(variables), normal(generator), normal(generator)});
    circuit.map.add(normal(generator), product);
  }
  const std::vector<Gate> rewritten = {Gate::kPhase, Gate::kPhase, Gate::kH, Gate::kCX, Gate::kX, Gate::kSwap};
  const bool favours = seed % 4 == 3;
  while (static_cast<int>(circuit.operations.size()) < gates) {
    Operation op{static_cast<Gate>(below(kGates)), {}, -1, 0, {}};
    if (favours && below(8) != 0) op.gate = rewritten[below(static_cast<int>(rewritten.size()))];
    int count = 1;
    if (op.gate == Gate::kGlobal) count = 0;
    if (op.gate == Gate::kCX || op.gate == Gate::kSwap) count = 2;
    if (op.gate == Gate::kPhase) count = 1 + below(5);
    if (op.gate == Gate::kUnitary) count = 1 + below(3);
    if (count > qubits) continue;
    while (static_cast<int>(op.qubits.size()) < count) {
      const int q = below(qubits);
      bool used = false;
      for (const int other : op.qubits) used |= other == q;
      if (!used) op.qubits.push_back(q);
    }
    if (op.gate == Gate::kRX || op.gate == Gate::kRY || op.gate == Gate::kPhase || op.gate == Gate::kGlobal) {
      op.scale = std::vector<double>{1, -1, 0.5, normal(generator)}[below(4)];
      if (circuit.map.angles() > 0 && below(3) > 0) op.angle = below(static_cast<int>(circuit.map.angles()));
    }
    if (op.gate == Gate::kUnitary) {
      // Gram-Schmidt on random columns.
      const int d = 1 << count;
      op.matrix.resize(d * d);
      for (int c = 0; c < d; ++c) {
        std::vector<std::complex<double>> column(d);
        for (auto& entry : column) entry = {normal(generator), normal(generator)};
        for (int before = 0; before < c; ++before) {
          std::complex<double> overlap = 0;
          for (int r = 0; r < d; ++r) overlap += std::conj(op.matrix[r * d + before]) * column[r];
          for (int r = 0; r < d; ++r) column[r] -= overlap * op.matrix[r * d + before];
        }
        double norm = 0;
        for (const auto& entry : column) norm += std::norm(entry);
        for (int r = 0; r < d; ++r) op.matrix[r * d + c] = column[r] / std::sqrt(norm);
      }
    }
    circuit.operations.push_back(op);
  }
  return circuit;
}

/// Gate by gate on a dense vector, angles by their definition.
inline Amplitudes referenceState(const Circuit& circuit, const std::vector<double>& variables) {
  using namespace std::complex_literals;
  Amplitudes psi(circuit.amplitudes());
  psi[0] = 1;
  const AngleMap& map = circuit.map;
  for (const Operation& op : circuit.operations) {
    double theta = op.scale;
    if (op.angle >= 0) {
      double angle = 0;
      for (int t = map.starts[op.angle]; t < map.starts[op.angle + 1]; ++t) {
        double product = map.terms[t].coefficient;
        for (int f = map.terms[t].first; f < map.terms[t].last; ++f) {
          const auto& factor = map.factors[f];
          const double u = factor.offset + factor.scale * variables[factor.variable];
          product *= factor.function == AngleFunction::kAcos ? std::acos(u) : u;
        }
        angle += product;
      }
      theta *= angle;
    }
    const double c = std::cos(theta / 2), s = std::sin(theta / 2), h = std::sqrt(0.5);
    std::vector<std::complex<double>> matrix = op.matrix;
    if (op.gate == Gate::kH) matrix = {h, h, h, -h};
    if (op.gate == Gate::kX) matrix = {0, 1, 1, 0};
    if (op.gate == Gate::kRX) matrix = {c, -1i * s, -1i * s, c};
    if (op.gate == Gate::kRY) matrix = {c, -s, s, c};
    if (op.gate == Gate::kCX) matrix = {1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0};
    if (op.gate == Gate::kSwap) matrix = {1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    if (op.gate == Gate::kPhase || op.gate == Gate::kGlobal) {
      for (std::size_t b = 0; b < psi.size(); ++b) {
        bool odd = op.gate == Gate::kGlobal;
        for (const int q : op.qubits) odd ^= (b >> q & 1) != 0;
        if (odd) psi[b] *= std::polar(1.0, theta);
      }
      continue;
    }
    const std::size_t d = std::size_t{1} << op.qubits.size();
    Amplitudes next(psi.size());
    for (std::size_t b = 0; b < psi.size(); ++b) {
      std::size_t column = 0, rest = b;
      for (std::size_t k = 0; k < op.qubits.size(); ++k) {
        column |= (b >> op.qubits[k] & 1) << k;
        rest &= ~(std::size_t{1} << op.qubits[k]);
      }
      for (std::size_t row = 0; row < d; ++row) {
        std::size_t target = rest;
        for (std::size_t k = 0; k < op.qubits.size(); ++k) target |= (row >> k & 1) << op.qubits[k];
        next[target] += matrix[row * d + column] * psi[b];
      }
    }
    psi = std::move(next);
  }
  return psi;
}

}  // namespace qrkd
