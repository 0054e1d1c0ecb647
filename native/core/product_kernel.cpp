#include "product_kernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <vector>

#include "inputs.h"
#include "isa.h"
#include "thread_pool.h"

namespace qrkd {
namespace {

using Vector = std::array<double, 3>;

// The axis of a gate's rotation of the Bloch sphere; P and RZ differ by a global phase only.
int axisOf(QubitGate kind) { return kind == QubitGate::kRX ? 0 : kind == QubitGate::kRY ? 1 : 2; }

Vector rotate(const Vector& r, int axis, double cosine, double sine) {
  const int u = (axis + 1) % 3, v = (axis + 2) % 3;
  Vector out = r;
  out[u] = cosine * r[u] - sine * r[v];
  out[v] = sine * r[u] + cosine * r[v];
  return out;
}

// H maps X to Z, Y to -Y and Z to X; it is its own inverse.
Vector hadamard(const Vector& r) { return {r[2], -r[1], r[0]}; }

// Bloch vectors of one panel, [qubit][3][lane].
template <class T>
struct BlochPanels {
  Buffer<T> data;
  std::size_t qubits, panels;

  BlochPanels(const ProductCircuit& circuit, const Rows& rows)
      : data(panelCount<T>(rows.count) * circuit.qubits() * 3 * kLanes<T>),
        qubits(circuit.qubits()),
        panels(panelCount<T>(rows.count)) {
    constexpr int W = kLanes<T>;
    std::vector<double> x(circuit.map.features * W), angle(circuit.map.angles() * W);
    for (std::size_t p = 0; p < panels; ++p) {
      circuit.map.forward(rows, p * W, W, x.data(), angle.data());
      circuit.map.requireFinite(rows, p * W, W, angle.data());
      for (std::size_t q = 0; q < qubits; ++q) {
        for (int lane = 0; lane < W; ++lane) {
          Vector r = {0, 0, 1};
          for (const auto& gate : circuit.chains[q]) {
            if (gate.kind == QubitGate::kH) {
              r = hadamard(r);
            } else {
              const double theta = angle[gate.angle * W + lane];
              r = rotate(r, axisOf(gate.kind), std::cos(theta), std::sin(theta));
            }
          }
          for (int c = 0; c < 3; ++c) panel(p)[(q * 3 + c) * W + lane] = static_cast<T>(r[c]);
        }
      }
    }
  }

  std::size_t size() const { return qubits * 3 * kLanes<T>; }
  T* panel(std::size_t p) { return data.data() + p * size(); }
  const T* panel(std::size_t p) const { return data.data() + p * size(); }

  // The left operand of the product kernels carries the factor 1/2.
  void halved(std::size_t p, Buffer<T>& out) const {
    if (out.size() == 0) out = Buffer<T>(size());
    for (std::size_t i = 0; i < size(); ++i) out[i] = T(0.5) * panel(p)[i];
  }
};

template <class T>
void productMatrix(const BlochPanels<T>& a, const BlochPanels<T>* b, std::size_t rows, std::size_t columns, T* out,
                   Job& job) {
  constexpr std::size_t W = kLanes<T>;
  const bool symmetric = b == nullptr;
  const BlochPanels<T>& other = symmetric ? a : *b;
  const double pairs = static_cast<double>(rows) * static_cast<double>(columns) * (symmetric ? 0.5 : 1.0);
  std::vector<Buffer<T>> halved(threads());
  const double flops = pairs * static_cast<double>(a.qubits) * 8;
  job.expect(flops);
  parallelFor(a.panels, flops, job, [&](std::size_t i, int worker) {
    a.halved(i, halved[worker]);
    alignas(kAlignment) T tile[W * W];
    for (std::size_t j = symmetric ? i : 0; j < other.panels; ++j) {
      kernels<T>().productTile(halved[worker].data(), other.panel(j), a.qubits, tile);
      for (std::size_t s = j * W; s < std::min(columns, (j + 1) * W); ++s) {
        for (std::size_t t = i * W; t < std::min(rows, (i + 1) * W); ++t) {
          // Rounding may leave 1 + r.r slightly negative for orthogonal states.
          const T value = std::max(T(0), tile[(s - j * W) * W + (t - i * W)]);
          if (!symmetric || t <= s) out[t * columns + s] = value;
          if (symmetric && t < s) out[s * columns + t] = value;
        }
      }
    }
  });
}

template <class T>
class ProductForward final : public Forward<T> {
 public:
  ProductForward(const ProductCircuit& circuit, const Rows& x, const Rows* y, T* out, Job& job)
      : circuit_(circuit), inputs_(x, y), x_(circuit, x), y_(circuit, y != nullptr ? *y : Rows{nullptr, 0, x.columns}) {
    productMatrix<T>(x_, y != nullptr ? &y_ : nullptr, x.count, y != nullptr ? y->count : x.count, out, job);
  }

  void gradient(const T* dK, double* dx, double* dy, Job& job) override {
    const Rows* y = inputs_.y();
    if (y == nullptr) {
      side(
          inputs_.x(), x_, inputs_.x(), x_,
          [&](std::size_t i, std::size_t j, std::size_t n) { return dK[i * n + j] + dK[j * n + i]; }, dx, job);
    } else {
      const std::size_t m = y->count;
      side(
          inputs_.x(), x_, *y, y_, [&](std::size_t i, std::size_t j, std::size_t) { return dK[i * m + j]; }, dx, job);
      side(
          *y, y_, inputs_.x(), x_, [&](std::size_t j, std::size_t i, std::size_t) { return dK[i * m + j]; }, dy, job);
    }
  }

 private:
  template <class Weight>
  void side(const Rows& targets, const BlochPanels<T>& a, const Rows& sources, const BlochPanels<T>& b, Weight weightOf,
            double* out, Job& job) {
    constexpr std::size_t W = kLanes<T>;
    struct Scratch {
      Buffer<T> halved, gradient, suffix;
    };
    std::vector<Scratch> scratch(threads());
    const double pairs = static_cast<double>(targets.count) * static_cast<double>(sources.count);
    parallelFor(a.panels, pairs * static_cast<double>(a.qubits) * 22, job, [&](std::size_t p, int worker) {
      auto& [halved, gradient, suffix] = scratch[worker];
      if (gradient.size() == 0) {
        gradient = Buffer<T>(a.size());
        suffix = Buffer<T>((a.qubits + 1) * W);
      }
      a.halved(p, halved);
      std::fill(gradient.data(), gradient.data() + gradient.size(), T(0));
      alignas(kAlignment) T weight[W * W];
      for (std::size_t s = 0; s < b.panels; ++s) {
        for (std::size_t j = 0; j < W; ++j) {
          for (std::size_t i = 0; i < W; ++i) {
            const std::size_t t = p * W + i, u = s * W + j;
            weight[j * W + i] = t < targets.count && u < sources.count ? weightOf(t, u, targets.count) : T(0);
          }
        }
        kernels<T>().productTileGradient(halved.data(), b.panel(s), weight, a.qubits, gradient.data(), suffix.data());
      }
      anglesAndFeatures(targets, p * W, a.panel(p), gradient.data(), out);
    });
  }

  // From d loss / d (r / 2) through every qubit's chain of rotations back to the features.
  void anglesAndFeatures(const Rows& rows, std::size_t first, const T* bloch, const T* gradient, double* out) const {
    constexpr int W = kLanes<T>;
    std::vector<double> x(rows.columns * W), angle(circuit_.map.angles() * W), dangle(angle.size(), 0.0);
    circuit_.map.forward(rows, first, W, x.data(), angle.data());
    for (std::size_t q = 0; q < circuit_.qubits(); ++q) {
      for (int lane = 0; lane < W; ++lane) {
        Vector r, g;
        for (int c = 0; c < 3; ++c) {
          r[c] = bloch[(q * 3 + c) * W + lane];
          g[c] = 0.5 * gradient[(q * 3 + c) * W + lane];
        }
        const auto& chain = circuit_.chains[q];
        for (auto gate = chain.rbegin(); gate != chain.rend(); ++gate) {
          if (gate->kind == QubitGate::kH) {
            r = hadamard(r);
            g = hadamard(g);
            continue;
          }
          // d r / d theta = axis x r.
          const int axis = axisOf(gate->kind), u = (axis + 1) % 3, v = (axis + 2) % 3;
          const double theta = angle[gate->angle * W + lane];
          dangle[gate->angle * W + lane] += g[v] * r[u] - g[u] * r[v];
          r = rotate(r, axis, std::cos(theta), -std::sin(theta));
          g = rotate(g, axis, std::cos(theta), -std::sin(theta));
        }
      }
    }
    std::vector<double> dx(rows.columns * W);
    circuit_.map.backward(x.data(), dangle.data(), W, dx.data());
    scatterRows(dx.data(), first, W, rows.count, rows.columns, out);
  }

  ProductCircuit circuit_;
  Inputs inputs_;
  BlochPanels<T> x_, y_;
};

using Complex = std::complex<double>;

// Applies a gate to the two amplitudes of a qubit, with the usual global phases (RX = exp(-i theta X / 2)).
void apply(QubitGate kind, double theta, Complex& zero, Complex& one) {
  const Complex a = zero, b = one, i(0, 1);
  const double c = std::cos(theta / 2), s = std::sin(theta / 2);
  switch (kind) {
    case QubitGate::kH:
      zero = (a + b) * std::sqrt(0.5);
      one = (a - b) * std::sqrt(0.5);
      break;
    case QubitGate::kP:
      one = b * std::polar(1.0, theta);
      break;
    case QubitGate::kRX:
      zero = c * a - i * s * b;
      one = c * b - i * s * a;
      break;
    case QubitGate::kRY:
      zero = c * a - s * b;
      one = s * a + c * b;
      break;
    case QubitGate::kRZ:
      zero = a * std::polar(1.0, -theta / 2);
      one = b * std::polar(1.0, theta / 2);
      break;
  }
}

}  // namespace

template <class T>
void ProductKernel<T>::matrix(const Rows& x, const Rows* y, T* out, Job& job) const {
  const BlochPanels<T> a(circuit_, x);
  if (y == nullptr) {
    productMatrix<T>(a, nullptr, x.count, x.count, out, job);
  } else {
    const BlochPanels<T> b(circuit_, *y);
    productMatrix<T>(a, &b, x.count, y->count, out, job);
  }
}

template <class T>
std::unique_ptr<Forward<T>> ProductKernel<T>::forward(const Rows& x, const Rows* y, T* out, Job& job) const {
  return std::make_unique<ProductForward<T>>(circuit_, x, y, out, job);
}

template <class T>
void ProductKernel<T>::states(const Rows& x, T* real, T* imag, Job& job) const {
  const std::size_t amplitudes = std::size_t{1} << circuit_.qubits();
  std::vector<double> features(circuit_.map.features), angle(circuit_.map.angles());
  std::vector<Complex> psi(amplitudes);
  for (std::size_t i = 0; i < x.count; ++i) {
    job.check();
    circuit_.map.forward(x, i, 1, features.data(), angle.data());
    circuit_.map.requireFinite(x, i, 1, angle.data());
    psi[0] = 1;
    for (std::size_t q = 0; q < circuit_.qubits(); ++q) {
      Complex zero = 1, one = 0;
      for (const auto& gate : circuit_.chains[q]) apply(gate.kind, gate.angle < 0 ? 0 : angle[gate.angle], zero, one);
      const std::size_t half = std::size_t{1} << q;
      for (std::size_t b = 0; b < half; ++b) {
        psi[half + b] = psi[b] * one;
        psi[b] *= zero;
      }
    }
    for (std::size_t b = 0; b < amplitudes; ++b) {
      real[i * amplitudes + b] = static_cast<T>(psi[b].real());
      imag[i * amplitudes + b] = static_cast<T>(psi[b].imag());
    }
  }
}

template class ProductKernel<float>;
template class ProductKernel<double>;

}  // namespace qrkd
