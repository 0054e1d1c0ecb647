// Gradients in float64 against central finite differences, float32 gradients against the float64 ones, and every result
// bit for bit the same on one thread and on several.
#include <functional>
#include <memory>
#include <string>

#include "../core/bloch.h"
#include "../core/euclidean.h"
#include "../core/isa.h"
#include "../core/product_kernel.h"
#include "../core/relational.h"
#include "../core/state_kernel.h"
#include "../core/thread_pool.h"
#include "../core/vector_kernel.h"
#include "check.h"
#include "feature_maps.h"
#include "random_circuits.h"

namespace qrkd {
namespace {

// Chains of one-qubit gates, of features and of a parameter.
Circuit product(int qubits) {
  Circuit circuit;
  circuit.qubits = qubits;
  circuit.map.features = qubits;
  circuit.map.parameters = 1;
  for (int q = 0; q < qubits; ++q) {
    circuit.map.add(0.9, {{q, 0.1, 1.3}, {qubits, 1, 0.3}});
    for (const Gate gate : {Gate::kH, Gate::kPhase, Gate::kRX, Gate::kRY, Gate::kH, Gate::kPhase, Gate::kRX}) {
      circuit.operations.push_back({gate, {q}, gate == Gate::kH ? -1 : q, gate == Gate::kH ? 0.0 : 1.0, {}});
    }
  }
  return circuit;
}

template <class T>
std::vector<std::pair<std::string, std::unique_ptr<Kernel<T>>>> allKernels() {
  std::vector<std::pair<std::string, std::unique_ptr<Kernel<T>>>> kernels;
  for (const int reps : {1, 2, 3, 4}) {
    kernels.emplace_back("zz reps " + std::to_string(reps), std::make_unique<StateKernel<T>>(zz(3, reps)));
  }
  kernels.emplace_back("product", std::make_unique<ProductKernel<T>>(ProductCircuit(product(3))));
  kernels.emplace_back("random circuit", std::make_unique<StateKernel<T>>(randomCircuit(4, 50, 3, 2, 5)));
  for (const auto kind : {EuclideanSpec::Kind::kRbf, EuclideanSpec::Kind::kLinear, EuclideanSpec::Kind::kMatern}) {
    const EuclideanSpec spec{kind, 0.4, 2.5, 1.3};
    for (const bool coupled : {true, false}) {
      Circuit circuit = coupled ? randomCircuit(4, 50, 3, 2, 6) : product(3);
      const std::size_t size = 3 * static_cast<std::size_t>(circuit.qubits);
      kernels.emplace_back("projected", std::make_unique<ProjectedKernel<T>>(blochMap<T>(std::move(circuit)),
                                                                             makeEuclidean<T>(size, spec)));
    }
  }
  kernels.emplace_back("vector", std::make_unique<VectorKernel<T>>(3, ZeroVector::kError));
  using Kind = EuclideanSpec::Kind;
  kernels.emplace_back("rbf", makeEuclidean<T>(3, {Kind::kRbf, 0.4, 0, 0}));
  kernels.emplace_back("linear", makeEuclidean<T>(3, {Kind::kLinear, 0, 0, 0}));
  for (const double nu : {0.5, 1.5, 2.5}) {
    kernels.emplace_back("matern " + std::to_string(nu), makeEuclidean<T>(3, {Kind::kMatern, 0, nu, 1.3}));
  }
  return kernels;
}

template <class T>
struct Result {
  std::vector<T> matrix;
  std::vector<double> dx, dy, dparameters;
};

const std::vector<double> kNone;

template <class T>
Result<T> run(const Kernel<T>& kernel, const std::vector<double>& x, std::size_t n, const std::vector<double>* y,
              std::size_t m, const std::vector<double>& dK, const std::vector<double>& p = kNone) {
  const std::size_t f = kernel.features();
  const Rows rowsX{x.data(), n, f, false, p.data(), p.size()};
  const Rows rowsY{y != nullptr ? y->data() : nullptr, m, f, true, p.data(), p.size()};
  Job job;
  Result<T> result{std::vector<T>(n * m), std::vector<double>(n * f), std::vector<double>(m * f),
                   std::vector<double>(p.size())};
  const auto pass = kernel.forward(rowsX, y != nullptr ? &rowsY : nullptr, result.matrix.data(), job);
  const std::vector<T> weights(dK.begin(), dK.end());
  pass->gradient(weights.data(),
                 {result.dx.data(), y != nullptr ? result.dy.data() : nullptr, result.dparameters.data()}, job);
  std::vector<T> again(n * m);
  kernel.matrix(rowsX, y != nullptr ? &rowsY : nullptr, again.data(), job);
  check(again == result.matrix, "matrix and forward differ");
  return result;
}

double weighted(const Kernel<double>& kernel, const std::vector<double>& x, std::size_t n, const std::vector<double>* y,
                std::size_t m, const std::vector<double>& dK, const std::vector<double>& p = kNone) {
  const std::size_t f = kernel.features();
  const Rows rowsX{x.data(), n, f, false, p.data(), p.size()};
  const Rows rowsY{y != nullptr ? y->data() : nullptr, m, f, true, p.data(), p.size()};
  Job job;
  std::vector<double> matrix(n * m);
  kernel.matrix(rowsX, y != nullptr ? &rowsY : nullptr, matrix.data(), job);
  double sum = 0;
  for (std::size_t i = 0; i < matrix.size(); ++i) sum += dK[i] * matrix[i];
  return sum;
}

// Central differences of f at x against `gradient`.
void differences(const std::function<double()>& f, std::vector<double>& x, const std::vector<double>& gradient,
                 const std::string& what) {
  double worst = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double kept = x[k], h = 1e-5;
    x[k] = kept + h;
    const double up = f();
    x[k] = kept - h;
    const double down = f();
    x[k] = kept;
    worst = std::max(worst, std::abs((up - down) / (2 * h) - gradient[k]));
  }
  check(worst < 2e-7, "%s: gradient is off by %g", what.c_str(), worst);
}

void kernelGradients() {
  const auto doubles = allKernels<double>();
  const auto singles = allKernels<float>();
  const std::size_t n = 11, m = 19;
  for (std::size_t k = 0; k < doubles.size(); ++k) {
    const auto& [name, kernel] = doubles[k];
    auto x = normals(n * 3, 1), y = normals(m * 3, 2);
    const auto dK = normals(n * n, 3), dKxy = normals(n * m, 4);
    auto p = normals(kernel->parameters(), 5);
    const auto same = run(*kernel, x, n, nullptr, n, dK, p), cross = run(*kernel, x, n, &y, m, dKxy, p);
    const auto symmetric = [&] { return weighted(*kernel, x, n, nullptr, n, dK, p); };
    const auto both = [&] { return weighted(*kernel, x, n, &y, m, dKxy, p); };
    differences(symmetric, x, same.dx, name + " symmetric");
    differences(symmetric, p, same.dparameters, name + " symmetric, parameters");
    differences(both, x, cross.dx, name + " cross, x");
    differences(both, y, cross.dy, name + " cross, y");
    differences(both, p, cross.dparameters, name + " cross, parameters");
    const auto single = run(*singles[k].second, x, n, &y, m, dKxy, p);
    double worst = 0;
    for (std::size_t i = 0; i < n * 3; ++i) worst = std::max(worst, std::abs(single.dx[i] - cross.dx[i]));
    for (std::size_t i = 0; i < m * 3; ++i) worst = std::max(worst, std::abs(single.dy[i] - cross.dy[i]));
    check(worst < 2e-5, "%s: float32 gradient is off by %g", name.c_str(), worst);
  }
}

using Loss = double (*)(const Rows&, const Rows&, double*, Job&);

void lossGradients() {
  const std::size_t n = 13, f = 4, g = 6;
  for (const auto& [name, loss] : {std::pair<const char*, Loss>{"distance", distanceLoss}, {"angle", angleLoss}}) {
    // A second cloud with two samples close together takes the path of near vertices.
    for (const double gap : {0.0, 1e-4}) {
      auto x = normals(n * f, 7);
      const auto t = normals(n * g, 8);
      if (gap > 0) {
        for (std::size_t c = 0; c < f; ++c) x[f + c] = x[c] + gap * static_cast<double>(c + 1);
      }
      Job job;
      std::vector<double> gradient(n * f), unused(n * f);
      const Rows teacher{t.data(), n, g};
      const auto value = [&](double* out) { return loss({x.data(), n, f}, teacher, out, job); };
      value(gradient.data());
      if (gap == 0) {
        differences([&] { return value(unused.data()); }, x, gradient, name);
      } else {
        // Gradients grow like 1 / gap here: compare along the one direction of all coordinates, relatively.
        const auto direction = normals(n * f, 9);
        double expected = 0;
        for (std::size_t k = 0; k < x.size(); ++k) expected += gradient[k] * direction[k];
        const auto kept = x;
        const double h = 1e-9;
        for (std::size_t k = 0; k < x.size(); ++k) x[k] = kept[k] + h * direction[k];
        const double up = value(unused.data());
        for (std::size_t k = 0; k < x.size(); ++k) x[k] = kept[k] - h * direction[k];
        const double found = (up - value(unused.data())) / (2 * h);
        check(std::abs(found - expected) < 1e-3 * std::abs(expected) + 1e-5, "%s near: %g, expected %g", name, found,
              expected);
      }
    }
  }
}

template <class T>
void sameOnAnyThreads() {
  // Large enough for the parallel path.
  const std::size_t n = 100;
  StateKernel<T> kernel(zz(9, 2));
  const auto x = normals(n * 9, 11), dK = normals(n * n, 12);
  setThreads(1);
  const auto one = run(kernel, x, n, nullptr, n, dK);
  const auto t = normals(n * 5, 13);
  std::vector<double> g1(n * 9), g2(n * 9);
  Job job;
  const double l1 = angleLoss({x.data(), n, 9}, {t.data(), n, 5}, g1.data(), job);
  for (const int threads : {2, 3, 5}) {
    setThreads(threads);
    const auto many = run(kernel, x, n, nullptr, n, dK);
    check(one.matrix == many.matrix && one.dx == many.dx, "%d threads change the kernel", threads);
    const double l2 = angleLoss({x.data(), n, 9}, {t.data(), n, 5}, g2.data(), job);
    check(l1 == l2 && g1 == g2, "%d threads change the angle loss", threads);
  }
  setThreads(availableThreads());
}

void cancels() {
  StateKernel<double> kernel(zz(6, 1));
  const auto x = normals(40 * 6, 14);
  std::vector<double> out(40 * 40);
  Job job;
  job.cancel();
  bool thrown = false;
  try {
    kernel.matrix({x.data(), 40, 6}, nullptr, out.data(), job);
  } catch (const Cancelled&) {
    thrown = true;
  }
  check(thrown, "a cancelled job must throw");
}

}  // namespace
}  // namespace qrkd

int main() {
  using namespace qrkd;
  for (const auto& name : supportedInstructionSets()) {
    selectInstructionSet(name);
    kernelGradients();
    lossGradients();
    sameOnAnyThreads<float>();
    sameOnAnyThreads<double>();
  }
  cancels();
  return finish("gradients");
}
