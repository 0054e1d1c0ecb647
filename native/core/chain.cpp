#include "chain.h"

#include <algorithm>
#include <cmath>

#include "angles.h"
#include "isa.h"

namespace qrkd {
namespace {

constexpr int kMost = 16;

// A 2 x 2 matrix for every lane: [row * 2 + column][re, im][lane].
struct Matrix {
  double v[8][kMost];
};

void identity(Matrix& m) {
  for (auto& part : m.v) std::fill(part, part + kMost, 0.0);
  std::fill(m.v[0], m.v[0] + kMost, 1.0);
  std::fill(m.v[6], m.v[6] + kMost, 1.0);
}

// out = a b, or a b^dagger.
template <bool Dagger>
void multiply(const Matrix& a, const Matrix& b, Matrix& out) {
  for (int r = 0; r < 2; ++r) {
    for (int c = 0; c < 2; ++c) {
      double* re = out.v[(r * 2 + c) * 2];
      double* im = out.v[(r * 2 + c) * 2 + 1];
      const int b0 = (Dagger ? c * 2 : c) * 2, b1 = (Dagger ? c * 2 + 1 : 2 + c) * 2;
      const double *ar = a.v[r * 4], *ai = a.v[r * 4 + 1], *cr = a.v[r * 4 + 2], *ci = a.v[r * 4 + 3];
      const double *br = b.v[b0], *bi = b.v[b0 + 1], *dr = b.v[b1], *di = b.v[b1 + 1];
      constexpr double sign = Dagger ? -1 : 1;
      for (int i = 0; i < kMost; ++i) {
        re[i] = ar[i] * br[i] - sign * ai[i] * bi[i] + cr[i] * dr[i] - sign * ci[i] * di[i];
        im[i] = sign * ar[i] * bi[i] + ai[i] * br[i] + sign * cr[i] * di[i] + ci[i] * dr[i];
      }
    }
  }
}

void gateMatrix(const Operation& op, const double* angles, int lanes, Matrix& m) {
  for (auto& part : m.v) std::fill(part, part + kMost, 0.0);
  const auto fill = [&](int entry, double value) { std::fill(m.v[entry], m.v[entry] + kMost, value); };
  if (op.gate == Gate::kH) {
    const double half = std::sqrt(0.5);
    fill(0, half), fill(2, half), fill(4, half), fill(6, -half);
    return;
  }
  if (op.gate == Gate::kX) {
    fill(2, 1), fill(4, 1);
    return;
  }
  if (op.gate == Gate::kUnitary) {
    for (int k = 0; k < 4; ++k) fill(2 * k, op.matrix[k].real()), fill(2 * k + 1, op.matrix[k].imag());
    return;
  }
  double theta[kMost] = {}, c[kMost], s[kMost];
  for (int i = 0; i < lanes; ++i) theta[i] = op.angle < 0 ? op.scale : op.scale * angles[op.angle * lanes + i];
  const bool phase = op.gate == Gate::kPhase;
  reduceAngles(theta, kMost, phase ? 1 : 2);
  for (int i = 0; i < kMost && !phase; ++i) theta[i] *= 0.5;
  kernels<double>().sincos(theta, c, s, kMost);
  if (phase) {
    fill(0, 1);
    std::copy(c, c + kMost, m.v[6]);
    std::copy(s, s + kMost, m.v[7]);
    return;
  }
  std::copy(c, c + kMost, m.v[0]);
  std::copy(c, c + kMost, m.v[6]);
  const bool x = op.gate == Gate::kRX;
  for (int i = 0; i < kMost; ++i) {
    m.v[x ? 3 : 2][i] = -s[i];
    m.v[x ? 5 : 4][i] = x ? -s[i] : s[i];
  }
}

void load(const double* source, int lanes, Matrix& m) {
  for (int k = 0; k < 8; ++k) {
    std::copy(source + k * lanes, source + (k + 1) * lanes, m.v[k]);
    std::fill(m.v[k] + lanes, m.v[k] + kMost, 0.0);
  }
}

}  // namespace

bool isReal(const Chain& chain) {
  return std::all_of(chain.begin(), chain.end(), [](const Operation& op) {
    return op.gate == Gate::kH || op.gate == Gate::kRY || op.gate == Gate::kX;
  });
}

bool hasAngles(const Chain& chain) {
  return std::any_of(chain.begin(), chain.end(), [](const Operation& op) { return op.angle >= 0; });
}

void chainMatrix(const Chain& chain, const double* angles, int lanes, double* matrix) {
  Matrix product, gate, next;
  identity(product);
  for (const Operation& op : chain) {
    gateMatrix(op, angles, lanes, gate);
    multiply<false>(gate, product, next);
    product = next;
  }
  for (int k = 0; k < 8; ++k) std::copy(product.v[k], product.v[k] + lanes, matrix + k * lanes);
}

// With M = G_m ... G_1 and R the products, d loss = 2 Re tr(R^T dM). Z_k = G_k Z_{k-1} G_k^dagger, Z_0 = R^T M, gives
// 2 Re tr(-i/2 A Z_k) = Im tr(A Z_k) for the angle of G_k = exp(-i theta A / 2), and -2 Im Z_k[1][1] for a phase.
void chainGradient(const Chain& chain, const double* angles, const double* matrix, const double* products, int lanes,
                   double* dangles) {
  Matrix r, transposed, m, z, gate, left;
  load(products, lanes, r);
  load(matrix, lanes, m);
  transposed = r;
  for (int part = 0; part < 2; ++part) {
    std::copy(r.v[4 + part], r.v[4 + part] + kMost, transposed.v[2 + part]);
    std::copy(r.v[2 + part], r.v[2 + part] + kMost, transposed.v[4 + part]);
  }
  multiply<false>(transposed, m, z);
  for (const Operation& op : chain) {
    gateMatrix(op, angles, lanes, gate);
    multiply<false>(gate, z, left);
    multiply<true>(left, gate, z);
    if (op.angle < 0) continue;
    double* target = dangles + static_cast<std::size_t>(op.angle) * lanes;
    for (int i = 0; i < lanes; ++i) {
      double d;
      if (op.gate == Gate::kPhase) {
        d = -2 * z.v[7][i];
      } else if (op.gate == Gate::kRX) {
        d = z.v[3][i] + z.v[5][i];
      } else {
        d = z.v[2][i] - z.v[4][i];  // tr(Y Z) = i (Z01 - Z10)
      }
      target[i] += op.scale * d;
    }
  }
}

void adjoint(const double* matrix, int lanes, double* out) {
  for (int r = 0; r < 2; ++r) {
    for (int c = 0; c < 2; ++c) {
      for (int i = 0; i < lanes; ++i) {
        out[((c * 2 + r) * 2) * lanes + i] = matrix[((r * 2 + c) * 2) * lanes + i];
        out[((c * 2 + r) * 2 + 1) * lanes + i] = -matrix[((r * 2 + c) * 2 + 1) * lanes + i];
      }
    }
  }
}

}  // namespace qrkd
