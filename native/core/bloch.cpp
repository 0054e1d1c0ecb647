#include "bloch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "inputs.h"
#include "isa.h"
#include "product_kernel.h"

namespace qrkd {
namespace {

// Bloch vectors by simulation: states live only as long as their panel is worked on.
template <class T>
class StateBloch final : public BlochMap {
 public:
  explicit StateBloch(Circuit circuit) : simulations_(std::move(circuit)) {}
  const AngleMap& map() const override { return simulations_.circuit().map; }
  std::size_t qubits() const override { return simulations_.circuit().qubits; }

  void vectors(const Rows& rows, double* out, Job& job) const override {
    const Simulation& simulation = simulations_.template forSamples<T>(rows.batch());
    const Schedule& plan = simulation.plan;
    const int samples = simulation.samplesPerPanel<T>();
    const double flops = simulation.flops(rows.count) * 2;
    job.expect(flops);
    forPanels<T>(simulation, rows.count, flops, job, [&](std::size_t p, Simulator<T>& simulator) {
      Buffer<T> psi(plan.amplitudes() * 2 * W);
      simulator.states(rows, p * samples, psi.data(), job);
      for (int q = 0; q < plan.qubits; ++q) {
        if (job.cancelled()) return;
        double r[3 * W];
        reduce(plan, psi.data(), plan.position[q], r);
        for (int s = 0; s < samples && p * samples + s < rows.count; ++s) {
          for (int axis = 0; axis < 3; ++axis) {
            double sum = 0;
            for (int l = 0; l < 1 << plan.laneQubits; ++l) sum += r[axis * W + (s << plan.laneQubits) + l];
            out[(p * samples + s) * 3 * plan.qubits + 3 * q + axis] = sum;
          }
        }
      }
    });
  }

  void gradient(const Rows& rows, const double* weights, double* dx, double* dparameters, Job& job) const override {
    const Simulation& simulation = simulations_.template forSamples<T>(rows.count);
    const Schedule& plan = simulation.plan;
    const auto samples = static_cast<std::size_t>(simulation.samplesPerPanel<T>());
    VariableGradients gradients(simulation.map, static_cast<int>(samples), (rows.count + samples - 1) / samples);
    const double flops = simulation.flops(rows.count) * 5;
    forPanels<T>(simulation, rows.count, flops, job, [&](std::size_t p, Simulator<T>& simulator) {
      const std::size_t size = plan.amplitudes() * 2 * W;
      Buffer<T> psi(size), lambda(size);
      simulator.states(rows, p * samples, psi.data(), job);
      std::fill(lambda.data(), lambda.data() + size, T(0));
      for (int q = 0; q < plan.qubits; ++q) {
        if (job.cancelled()) return;
        double w[3 * W] = {};
        bool any = false;
        for (std::size_t lane = 0; lane < W; ++lane) {
          const std::size_t row = p * samples + (lane >> plan.laneQubits);
          for (int axis = 0; axis < 3 && row < rows.count; ++axis) {
            w[axis * W + lane] = weights[row * 3 * plan.qubits + 3 * q + axis];
            any |= w[axis * W + lane] != 0;
          }
        }
        if (any) observe(plan, psi.data(), plan.position[q], w, lambda.data());
      }
      std::vector<double> dv(gradients.size());
      simulator.backward(rows, p * samples, psi.data(), lambda.data(), dv.data(), job);
      gradients.take(p, dv.data(), rows, dx);
    });
    gradients.parameters(dparameters);
  }

 private:
  static constexpr std::size_t W = kLanes<T>;

  // <X>, <Y>, <Z> of one qubit for every lane: 2 Re, 2 Im of sum conj(psi_0) psi_1, and sum |psi_0|^2 - |psi_1|^2. For
  // a qubit in the lanes, the lane with its bit 0 has the whole sum.
  static void reduce(const Schedule& plan, const T* psi, int place, double* r) {
    if (place >= plan.laneQubits) {
      T products[8 * W] = {};
      kernels<T>().pairProducts(psi, psi, plan.slots, place - plan.laneQubits, products);
      for (std::size_t i = 0; i < W; ++i) {
        r[i] = 2 * static_cast<double>(products[2 * W + i]);
        r[W + i] = 2 * static_cast<double>(products[3 * W + i]);
        r[2 * W + i] = static_cast<double>(products[i]) - products[6 * W + i];
      }
      return;
    }
    std::fill(r, r + 3 * W, 0.0);
    const std::size_t bit = std::size_t{1} << place;
    for (std::size_t b = 0; b < plan.amplitudes(); ++b) {
      const T *re = psi + b * 2 * W, *im = re + W;
      for (std::size_t i = 0; i < W; ++i) {
        if (i & bit) continue;
        const double a = re[i], c = im[i], d = re[i | bit], e = im[i | bit];
        r[i] += 2 * (a * d + c * e);
        r[W + i] += 2 * (a * e - c * d);
        r[2 * W + i] += a * a + c * c - d * d - e * e;
      }
    }
  }

  // lambda += (w_x X + w_y Y + w_z Z) psi on one qubit.
  static void observe(const Schedule& plan, const T* psi, int place, const double* w, T* lambda) {
    if (place >= plan.laneQubits) {
      T matrix[8 * W] = {};
      for (std::size_t i = 0; i < W; ++i) {
        matrix[i] = static_cast<T>(w[2 * W + i]);
        matrix[2 * W + i] = matrix[4 * W + i] = static_cast<T>(w[i]);
        matrix[3 * W + i] = static_cast<T>(-w[W + i]);
        matrix[5 * W + i] = static_cast<T>(w[W + i]);
        matrix[6 * W + i] = -matrix[i];
      }
      kernels<T>().oneQubitAdd(psi, lambda, plan.slots, place - plan.laneQubits, matrix);
      return;
    }
    const std::size_t bit = std::size_t{1} << place;
    for (std::size_t b = 0; b < plan.amplitudes(); ++b) {
      const T *re = psi + b * 2 * W, *im = re + W;
      T *outRe = lambda + b * 2 * W, *outIm = outRe + W;
      for (std::size_t i = 0; i < W; ++i) {
        const std::size_t j = i ^ bit;
        const T x = static_cast<T>(w[i]), z = static_cast<T>((i & bit) ? -w[2 * W + i] : w[2 * W + i]);
        const T y = static_cast<T>((i & bit) ? w[W + i] : -w[W + i]);  // the imaginary part of Y's entry
        outRe[i] += z * re[i] + x * re[j] - y * im[j];
        outIm[i] += z * im[i] + x * im[j] + y * re[j];
      }
    }
  }

  Simulations simulations_;
};

template <class T>
class ProjectedForward final : public Forward<T> {
 public:
  ProjectedForward(std::shared_ptr<const BlochMap> bloch, const Kernel<T>& inner, const Rows& x, const Rows* y, T* out,
                   Job& job)
      : bloch_(std::move(bloch)), inputs_(x, y) {
    const std::vector<double> a = vectors(x, job), b = y != nullptr ? vectors(*y, job) : std::vector<double>();
    const std::size_t columns = 3 * bloch_->qubits();
    const Rows rowsA{a.data(), x.count, columns}, rowsB{b.data(), y != nullptr ? y->count : 0, columns, true};
    inner_ = inner.forward(rowsA, y != nullptr ? &rowsB : nullptr, out, job);
  }

  void gradient(const T* dK, const Gradients& out, Job& job) override {
    const std::size_t columns = 3 * bloch_->qubits();
    const Rows* y = inputs_.y();
    std::vector<double> a(inputs_.x().count * columns), b(y != nullptr ? y->count * columns : 0);
    inner_->gradient(dK, {a.data(), y != nullptr ? b.data() : nullptr, nullptr}, job);
    if (out.dparameters != nullptr) std::fill_n(out.dparameters, bloch_->map().parameters, 0.0);
    bloch_->gradient(inputs_.x(), a.data(), out.dx, out.dparameters, job);
    if (y != nullptr) bloch_->gradient(*y, b.data(), out.dy, out.dparameters, job);
  }

 private:
  std::vector<double> vectors(const Rows& rows, Job& job) const {
    std::vector<double> out(rows.count * 3 * bloch_->qubits());
    bloch_->vectors(rows, out.data(), job);
    return out;
  }

  std::shared_ptr<const BlochMap> bloch_;
  Inputs inputs_;
  std::unique_ptr<Forward<T>> inner_;
};

}  // namespace

template <class T>
std::unique_ptr<BlochMap> blochMap(Circuit circuit) {
  if (isProduct(circuit)) return productBloch(ProductCircuit(circuit));
  return std::make_unique<StateBloch<T>>(std::move(circuit));
}

template <class T>
void ProjectedKernel<T>::matrix(const Rows& x, const Rows* y, T* out, Job& job) const {
  const std::size_t columns = 3 * bloch_->qubits();
  std::vector<double> a(x.count * columns), b(y != nullptr ? y->count * columns : 0);
  bloch_->vectors(x, a.data(), job);
  if (y != nullptr) bloch_->vectors(*y, b.data(), job);
  const Rows rowsA{a.data(), x.count, columns}, rowsB{b.data(), y != nullptr ? y->count : 0, columns, true};
  inner_->matrix(rowsA, y != nullptr ? &rowsB : nullptr, out, job);
}

template <class T>
std::shared_ptr<const Encoded<T>> ProjectedKernel<T>::encode(const Rows& x, Job& job) const {
  const std::size_t columns = 3 * bloch_->qubits();
  std::vector<double> vectors(x.count * columns);
  bloch_->vectors(x, vectors.data(), job);
  return inner_->encode({vectors.data(), x.count, columns}, job);
}

template <class T>
void ProjectedKernel<T>::block(const Encoded<T>& a, const Encoded<T>* b, T* out, Job& job) const {
  inner_->block(a, b, out, job);
}

template <class T>
std::unique_ptr<Forward<T>> ProjectedKernel<T>::forward(const Rows& x, const Rows* y, T* out, Job& job) const {
  return std::make_unique<ProjectedForward<T>>(bloch_, *inner_, x, y, out, job);
}

template <class T>
void ProjectedKernel<T>::blochVectors(const Rows& x, double* out, Job& job) const {
  bloch_->vectors(x, out, job);
}

template <class T>
void ProjectedKernel<T>::blochGradient(const Rows& x, const double* dBloch, const Gradients& out, Job& job) const {
  if (out.dparameters != nullptr) std::fill_n(out.dparameters, bloch_->map().parameters, 0.0);
  bloch_->gradient(x, dBloch, out.dx, out.dparameters, job);
}

template std::unique_ptr<BlochMap> blochMap<float>(Circuit);
template std::unique_ptr<BlochMap> blochMap<double>(Circuit);
template class ProjectedKernel<float>;
template class ProjectedKernel<double>;

}  // namespace qrkd
