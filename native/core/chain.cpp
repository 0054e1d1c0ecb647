#include "chain.h"

#include <algorithm>
#include <cmath>
#include <complex>

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

// A gate with the cosines and sines of its angle (halved but for phases).
struct Bound {
  const Operation& op;
  double c[kMost], s[kMost];

  Bound(const Operation& operation, const double* angles, int lanes) : op(operation) {
    const bool phase = op.gate == Gate::kPhase;
    if (!phase && op.gate != Gate::kRX && op.gate != Gate::kRY) return;
    double theta[kMost] = {};
    for (int i = 0; i < lanes; ++i) theta[i] = op.angle < 0 ? op.scale : op.scale * angles[op.angle * lanes + i];
    reduceAngles(theta, kMost, phase ? 1 : 2);
    for (int i = 0; i < kMost && !phase; ++i) theta[i] *= 0.5;
    kernels<double>().sincos(theta, c, s, kMost);
  }
};

// Two complex entries of a matrix, every lane: (a, b) becomes G (a, b), or conj(G) (a, b), which is what multiplying by
// G^dagger from the right does to the entries of a row.
template <bool Conj>
void rotate(const Bound& gate, double* ar, double* ai, double* br, double* bi) {
  constexpr double sign = Conj ? -1 : 1;
  const double *c = gate.c, *s = gate.s;
  switch (gate.op.gate) {
    case Gate::kPhase:
      for (int i = 0; i < kMost; ++i) {
        const double re = br[i], im = bi[i];
        br[i] = c[i] * re - sign * s[i] * im;
        bi[i] = c[i] * im + sign * s[i] * re;
      }
      break;
    case Gate::kRX:
      for (int i = 0; i < kMost; ++i) {
        const double pr = ar[i], pi = ai[i], qr = br[i], qi = bi[i], t = sign * s[i];
        ar[i] = c[i] * pr + t * qi;
        ai[i] = c[i] * pi - t * qr;
        br[i] = c[i] * qr + t * pi;
        bi[i] = c[i] * qi - t * pr;
      }
      break;
    case Gate::kRY:
      for (int i = 0; i < kMost; ++i) {
        const double pr = ar[i], pi = ai[i], qr = br[i], qi = bi[i];
        ar[i] = c[i] * pr - s[i] * qr;
        ai[i] = c[i] * pi - s[i] * qi;
        br[i] = s[i] * pr + c[i] * qr;
        bi[i] = s[i] * pi + c[i] * qi;
      }
      break;
    default: {
      const double h = std::sqrt(0.5);
      std::complex<double> g[4] = {h, h, h, -h};
      if (gate.op.gate == Gate::kX) g[0] = g[3] = 0, g[1] = g[2] = 1;
      if (gate.op.gate == Gate::kUnitary) std::copy(gate.op.matrix.begin(), gate.op.matrix.end(), g);
      for (int i = 0; i < kMost; ++i) {
        const double pr = ar[i], pi = ai[i], qr = br[i], qi = bi[i];
        ar[i] = g[0].real() * pr - sign * g[0].imag() * pi + g[1].real() * qr - sign * g[1].imag() * qi;
        ai[i] = g[0].real() * pi + sign * g[0].imag() * pr + g[1].real() * qi + sign * g[1].imag() * qr;
        br[i] = g[2].real() * pr - sign * g[2].imag() * pi + g[3].real() * qr - sign * g[3].imag() * qi;
        bi[i] = g[2].real() * pi + sign * g[2].imag() * pr + g[3].real() * qi + sign * g[3].imag() * qr;
      }
    }
  }
}

// m = G m
void fromLeft(const Bound& gate, Matrix& m) {
  for (int column = 0; column < 2; ++column) {
    rotate<false>(gate, m.v[2 * column], m.v[2 * column + 1], m.v[4 + 2 * column], m.v[5 + 2 * column]);
  }
}

// m = m G^dagger
void fromRight(const Bound& gate, Matrix& m) {
  for (int row = 0; row < 2; ++row)
    rotate<true>(gate, m.v[4 * row], m.v[4 * row + 1], m.v[4 * row + 2], m.v[4 * row + 3]);
}

// out = a b
void multiply(const Matrix& a, const Matrix& b, Matrix& out) {
  for (int r = 0; r < 2; ++r) {
    for (int c = 0; c < 2; ++c) {
      double *re = out.v[(r * 2 + c) * 2], *im = out.v[(r * 2 + c) * 2 + 1];
      const double *ar = a.v[r * 4], *ai = a.v[r * 4 + 1], *cr = a.v[r * 4 + 2], *ci = a.v[r * 4 + 3];
      const double *br = b.v[c * 2], *bi = b.v[c * 2 + 1], *dr = b.v[4 + c * 2], *di = b.v[5 + c * 2];
      for (int i = 0; i < kMost; ++i) {
        re[i] = ar[i] * br[i] - ai[i] * bi[i] + cr[i] * dr[i] - ci[i] * di[i];
        im[i] = ar[i] * bi[i] + ai[i] * br[i] + cr[i] * di[i] + ci[i] * dr[i];
      }
    }
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
  Matrix product;
  identity(product);
  for (const Operation& op : chain) fromLeft(Bound(op, angles, lanes), product);
  for (int k = 0; k < 8; ++k) std::copy(product.v[k], product.v[k] + lanes, matrix + k * lanes);
}

// With M = G_m ... G_1 and R the products, d loss = 2 Re tr(R^T dM). Z_k = G_k Z_{k-1} G_k^dagger, Z_0 = R^T M, gives
// 2 Re tr(-i/2 A Z_k) = Im tr(A Z_k) for the angle of G_k = exp(-i theta A / 2), and -2 Im Z_k[1][1] for a phase.
void chainGradient(const Chain& chain, const double* angles, const double* matrix, const double* products, int lanes,
                   double* dangles) {
  Matrix r, transposed, m, z;
  load(products, lanes, r);
  load(matrix, lanes, m);
  transposed = r;
  for (int part = 0; part < 2; ++part) {
    std::copy(r.v[4 + part], r.v[4 + part] + kMost, transposed.v[2 + part]);
    std::copy(r.v[2 + part], r.v[2 + part] + kMost, transposed.v[4 + part]);
  }
  multiply(transposed, m, z);
  for (const Operation& op : chain) {
    const Bound gate(op, angles, lanes);
    fromLeft(gate, z);
    fromRight(gate, z);
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
