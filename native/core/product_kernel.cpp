#include "product_kernel.h"

#include <algorithm>
#include <complex>
#include <vector>

#include "inputs.h"
#include "isa.h"
#include "thread_pool.h"

namespace qrkd {
namespace {

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
    ProductSamples samples(circuit, W);
    double r[3 * W];
    for (std::size_t p = 0; p < panels; ++p) {
      samples.bind(rows, p * W);
      for (std::size_t q = 0; q < qubits; ++q) {
        samples.vector(q, r);
        for (int i = 0; i < 3 * W; ++i) panel(p)[q * 3 * W + i] = static_cast<T>(r[i]);
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

  void gradient(const T* dK, const Gradients& out, Job& job) override {
    const Rows* y = inputs_.y();
    double* dp = out.dparameters;
    if (dp != nullptr) std::fill_n(dp, circuit_.map.parameters, 0.0);
    if (y == nullptr) {
      side(
          inputs_.x(), x_, inputs_.x(), x_,
          [&](std::size_t i, std::size_t j, std::size_t n) { return dK[i * n + j] + dK[j * n + i]; }, out.dx, dp, job);
    } else {
      const std::size_t m = y->count;
      side(
          inputs_.x(), x_, *y, y_, [&](std::size_t i, std::size_t j, std::size_t) { return dK[i * m + j]; }, out.dx, dp,
          job);
      side(
          *y, y_, inputs_.x(), x_, [&](std::size_t j, std::size_t i, std::size_t) { return dK[i * m + j]; }, out.dy, dp,
          job);
    }
  }

 private:
  template <class Weight>
  void side(const Rows& targets, const BlochPanels<T>& a, const Rows& sources, const BlochPanels<T>& b, Weight weightOf,
            double* out, double* dparameters, Job& job) {
    constexpr std::size_t W = kLanes<T>;
    struct Scratch {
      Buffer<T> halved, gradient, suffix;
      std::unique_ptr<ProductSamples> samples;
    };
    VariableGradients gradients(circuit_.map, W, a.panels);
    std::vector<Scratch> scratch(threads());
    const double pairs = static_cast<double>(targets.count) * static_cast<double>(sources.count);
    parallelFor(a.panels, pairs * static_cast<double>(a.qubits) * 22, job, [&](std::size_t p, int worker) {
      auto& [halved, gradient, suffix, samples] = scratch[worker];
      if (gradient.size() == 0) {
        gradient = Buffer<T>(a.size());
        suffix = Buffer<T>((a.qubits + 1) * W);
        samples = std::make_unique<ProductSamples>(circuit_, W);
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
      // From d loss / d (r / 2) through every qubit's chain back to the features.
      samples->bind(targets, p * W);
      for (std::size_t q = 0; q < a.qubits; ++q) {
        double w[3 * W];
        for (std::size_t i = 0; i < 3 * W; ++i) w[i] = 0.5 * gradient[q * 3 * W + i];
        samples->addGradient(q, w);
      }
      std::vector<double> dv(gradients.size());
      samples->variables(dv.data());
      gradients.take(p, dv.data(), targets, out);
    });
    gradients.parameters(dparameters);
  }

  ProductCircuit circuit_;
  Inputs inputs_;
  BlochPanels<T> x_, y_;
};

class ProductBloch final : public BlochMap {
 public:
  explicit ProductBloch(ProductCircuit circuit) : circuit_(std::move(circuit)) {}
  const AngleMap& map() const override { return circuit_.map; }
  std::size_t qubits() const override { return circuit_.qubits(); }

  void vectors(const Rows& rows, double* out, Job& job) const override {
    forGroups(rows, job, [&](ProductSamples& samples, std::size_t first) {
      double r[3 * kGroup];
      for (std::size_t q = 0; q < qubits(); ++q) {
        samples.vector(q, r);
        for (std::size_t s = 0; s < kGroup && first + s < rows.count; ++s) {
          for (std::size_t axis = 0; axis < 3; ++axis) {
            out[(first + s) * 3 * qubits() + 3 * q + axis] = r[axis * kGroup + s];
          }
        }
      }
    });
  }

  void gradient(const Rows& rows, const double* weights, double* dx, double* dparameters, Job& job) const override {
    VariableGradients gradients(circuit_.map, kGroup, (rows.count + kGroup - 1) / kGroup);
    forGroups(rows, job, [&](ProductSamples& samples, std::size_t first) {
      for (std::size_t q = 0; q < qubits(); ++q) {
        double w[3 * kGroup] = {};
        for (std::size_t s = 0; s < kGroup && first + s < rows.count; ++s) {
          for (std::size_t axis = 0; axis < 3; ++axis) {
            w[axis * kGroup + s] = weights[(first + s) * 3 * qubits() + 3 * q + axis];
          }
        }
        samples.addGradient(q, w);
      }
      std::vector<double> dv(gradients.size());
      samples.variables(dv.data());
      gradients.take(first / kGroup, dv.data(), rows, dx);
    });
    gradients.parameters(dparameters);
  }

 private:
  static constexpr std::size_t kGroup = 16;

  template <class Body>
  void forGroups(const Rows& rows, Job& job, Body body) const {
    std::vector<std::unique_ptr<ProductSamples>> samples(threads());
    const double flops = static_cast<double>(rows.count) * static_cast<double>(circuit_.map.angles()) * 100;
    parallelFor((rows.count + kGroup - 1) / kGroup, flops, job, [&](std::size_t group, int worker) {
      if (!samples[worker]) samples[worker] = std::make_unique<ProductSamples>(circuit_, kGroup);
      samples[worker]->bind(rows, group * kGroup);
      body(*samples[worker], group * kGroup);
    });
  }

  ProductCircuit circuit_;
};

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
  ProductSamples sample(circuit_, 1);
  std::vector<std::complex<double>> psi(amplitudes);
  for (std::size_t i = 0; i < x.count; ++i) {
    job.check();
    sample.bind(x, i);
    double phase;
    sample.globalPhase(&phase);
    psi[0] = std::polar(1.0, phase);
    for (std::size_t q = 0; q < circuit_.qubits(); ++q) {
      double u[4];
      sample.amplitudes(q, u);
      const std::complex<double> zero(u[0], u[1]), one(u[2], u[3]);
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

std::unique_ptr<BlochMap> productBloch(ProductCircuit circuit) {
  return std::make_unique<ProductBloch>(std::move(circuit));
}

template class ProductKernel<float>;
template class ProductKernel<double>;

}  // namespace qrkd
