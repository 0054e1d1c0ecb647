#include "kernel_object.h"

#include <string>
#include <utility>
#include <vector>

#include "../core/euclidean.h"
#include "../core/product_kernel.h"
#include "../core/state_kernel.h"
#include "../core/vector_kernel.h"
#include "arguments.h"
#include "background.h"

namespace qrkd::addon {
namespace {

AngleMap readMap(const Napi::Object& spec) {
  const auto object = spec.Get("map").As<Napi::Object>();
  AngleMap map;
  map.features = static_cast<std::size_t>(number(spec, "features"));
  map.coefficients = numbers(object, "coefficients");
  map.starts = integers(object, "starts");
  const auto features = integers(object, "features");
  const auto offsets = numbers(object, "offsets"), scales = numbers(object, "scales");
  if (map.starts.size() != map.coefficients.size() + 1 || offsets.size() != features.size() ||
      scales.size() != features.size() || map.starts.front() != 0 ||
      map.starts.back() != static_cast<int>(features.size())) {
    fail(spec.Env(), "inconsistent angle map");
  }
  for (std::size_t k = 0; k < features.size(); ++k) {
    if (features[k] < 0 || static_cast<std::size_t>(features[k]) >= map.features) fail(spec.Env(), "bad feature index");
    map.factors.push_back({features[k], offsets[k], scales[k]});
  }
  return map;
}

void checkAngles(const Napi::Object& spec, const std::vector<int>& angles, std::size_t size, const AngleMap& map) {
  if (angles.size() != size) fail(spec.Env(), "wrong number of angle indices");
  for (const int angle : angles) {
    if (angle < -1 || angle >= static_cast<int>(map.angles())) fail(spec.Env(), "bad angle index");
  }
}

template <class T>
std::shared_ptr<Kernel<T>> readPhase(const Napi::Object& spec) {
  PhaseCircuit circuit;
  circuit.qubits = static_cast<int>(number(spec, "qubits"));
  if (circuit.qubits < 1 || circuit.qubits > 30) fail(spec.Env(), "1 to 30 qubits");
  circuit.reps = static_cast<int>(number(spec, "reps"));
  circuit.globalPhase = number(spec, "globalPhase");
  circuit.map = readMap(spec);
  circuit.single = integers(spec, "single");
  circuit.pair = integers(spec, "pair");
  checkAngles(spec, circuit.single, circuit.qubits, circuit.map);
  checkAngles(spec, circuit.pair, static_cast<std::size_t>(circuit.qubits) * circuit.qubits, circuit.map);
  return std::make_shared<StateKernel<T>>(std::move(circuit));
}

template <class T>
std::shared_ptr<Kernel<T>> readProduct(const Napi::Object& spec) {
  ProductCircuit circuit;
  circuit.map = readMap(spec);
  const auto starts = integers(spec, "chainStarts"), kinds = integers(spec, "gateKinds");
  const auto angles = integers(spec, "gateAngles");
  checkAngles(spec, angles, kinds.size(), circuit.map);
  for (std::size_t q = 0; q + 1 < starts.size(); ++q) {
    circuit.chains.emplace_back();
    for (int g = starts[q]; g < starts[q + 1]; ++g) {
      const auto kind = static_cast<QubitGate>(kinds.at(g));
      if (kind != QubitGate::kH && angles[g] < 0) fail(spec.Env(), "a rotation needs an angle");
      circuit.chains.back().push_back({kind, angles[g]});
    }
  }
  return std::make_shared<ProductKernel<T>>(std::move(circuit));
}

// One of the kinds of classical kernel; false for any other kind.
bool readEuclidean(const Napi::Object& spec, EuclideanSpec& out) {
  const std::string kind = spec.Get("kind").ToString();
  if (kind == "rbf") {
    out.kind = EuclideanSpec::Kind::kRbf;
    out.gamma = number(spec, "gamma");
  } else if (kind == "linear") {
    out.kind = EuclideanSpec::Kind::kLinear;
  } else if (kind == "matern") {
    out.kind = EuclideanSpec::Kind::kMatern;
    out.nu = number(spec, "nu");
    out.length = number(spec, "length");
  } else {
    return false;
  }
  return true;
}

template <class T>
std::shared_ptr<Kernel<T>> readKernel(const Napi::Object& spec) {
  const std::string kind = spec.Get("kind").ToString();
  const auto features = static_cast<std::size_t>(number(spec, "features"));
  if (kind == "phase") return readPhase<T>(spec);
  if (kind == "product") return readProduct<T>(spec);
  if (kind == "vector") {
    const bool zero = spec.Get("zeroVectors").ToBoolean();
    return std::make_shared<VectorKernel<T>>(features, zero ? ZeroVector::kZero : ZeroVector::kError);
  }
  if (EuclideanSpec euclidean; readEuclidean(spec, euclidean)) return makeEuclidean<T>(features, euclidean);
  fail(spec.Env(), "unknown kernel kind " + kind);
}

// A matrix computed off the event loop. Its result goes to an ArrayBuffer, whose memory never moves and which nobody
// else has until the promise is fulfilled.
template <class T>
class MatrixWork final : public BackgroundWork {
 public:
  MatrixWork(Napi::Env env, std::shared_ptr<Kernel<T>> kernel, Samples samples, Napi::ArrayBuffer out,
             std::shared_ptr<Job> job)
      : deferred_(Napi::Promise::Deferred::New(env)),
        kernel_(std::move(kernel)),
        samples_(std::move(samples)),
        job_(std::move(job)),
        data_(static_cast<T*>(out.Data())),
        out_(Napi::Persistent(out)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void execute() override {
    try {
      kernel_->matrix(samples_.rowsX, samples_.second(), data_, *job_);
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  void cancel() override { job_->cancel(); }
  void finish(Napi::Env env) override {
    if (error_) {
      deferred_.Reject(toError(env, error_).Value());
    } else {
      deferred_.Resolve(env.Undefined());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<Kernel<T>> kernel_;
  Samples samples_;
  std::shared_ptr<Job> job_;
  T* data_;
  Napi::Reference<Napi::ArrayBuffer> out_;
  std::exception_ptr error_;
};

template <class K>
struct ScalarOf;
template <class T>
struct ScalarOf<std::shared_ptr<Kernel<T>>> {
  using Type = T;
};

}  // namespace

void KernelObject::define(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeKernel", DefineClass(env, "NativeKernel",
                                          {InstanceMethod("matrix", &KernelObject::matrix),
                                           InstanceMethod("matrixAsync", &KernelObject::matrixAsync),
                                           InstanceMethod("forward", &KernelObject::forward),
                                           InstanceMethod("states", &KernelObject::states),
                                           InstanceMethod("kernelLoss", &KernelObject::kernelLoss)}));
}

KernelObject::KernelObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<KernelObject>(info) {
  if (!info[0].IsObject()) fail(info.Env(), "NativeKernel needs a specification");
  const auto spec = info[0].As<Napi::Object>();
  const std::string precision = spec.Get("precision").ToString();
  guarded(info.Env(), [&] {
    if (precision == "float32") {
      kernel_ = readKernel<float>(spec);
    } else {
      kernel_ = readKernel<double>(spec);
    }
  });
  features_ = static_cast<std::size_t>(number(spec, "features"));
}

void KernelObject::matrix(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const Samples samples(info[0], info[1], info[2], info[3], features_);
    Job job;
    std::visit(
        [&](auto& kernel) {
          using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
          kernel->matrix(samples.rowsX, samples.second(), memory<T>(info[4], samples.entries(), "out"), job);
        },
        kernel_);
  });
}

Napi::Value KernelObject::matrixAsync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Samples samples(info[0], info[1], info[2], info[3], features_);
  if (!info[4].IsArrayBuffer()) fail(env, "out must be an ArrayBuffer");
  auto out = info[4].As<Napi::ArrayBuffer>();
  auto job = std::make_shared<Job>();
  Napi::Object result = Napi::Object::New(env);
  std::visit(
      [&](auto& kernel) {
        using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
        if (out.ByteLength() < samples.entries() * sizeof(T)) fail(env, "out is too small");
        auto* work = new MatrixWork<T>(env, kernel, std::move(samples), out, job);
        result.Set("promise", work->promise());
        BackgroundWork::start(env, "qrkd.matrix", work);
      },
      kernel_);
  result.Set("cancel", Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->cancel(); }));
  result.Set("progress", Napi::Function::New(env, [job](const Napi::CallbackInfo& call) -> Napi::Value {
               return Napi::Number::New(call.Env(), job->progress());
             }));
  return result;
}

Napi::Value KernelObject::forward(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Samples samples(info[0], info[1], info[2], info[3], features_);
    Job job;
    return std::visit(
        [&](auto& kernel) -> Napi::Value {
          using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
          T* out = memory<T>(info[4], samples.entries(), "out");
          AnyForward pass = kernel->forward(samples.rowsX, samples.second(), out, job);
          return ForwardObject::wrap(info.Env(), std::move(pass), samples.rowsX.count,
                                     samples.cross ? samples.rowsY.count : samples.rowsX.count, features_,
                                     samples.cross);
        },
        kernel_);
  });
}

void KernelObject::states(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const Samples samples(info[0], info[1], info.Env().Null(), info.Env().Null(), features_);
    const std::size_t size = samples.rowsX.count * count(info[4], "amplitudes");
    Job job;
    std::visit(
        [&](auto& kernel) {
          using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
          kernel->states(samples.rowsX, memory<T>(info[2], size, "real"), memory<T>(info[3], size, "imag"), job);
        },
        kernel_);
  });
}

Napi::Value KernelObject::kernelLoss(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Samples samples(info[0], info[1], info.Env().Null(), info.Env().Null(), features_);
    const std::size_t n = samples.rowsX.count;
    const auto form = static_cast<MatrixLoss>(count(info[3], "form"));
    std::vector<double> gradient(n * features_);
    Job job;
    const double loss = std::visit(
        [&](auto& kernel) {
          using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
          const T* target = memory<T>(info[2], n * n, "target");
          Buffer<T> matrix(n * n), dK(n * n);
          const auto pass = kernel->forward(samples.rowsX, nullptr, matrix.data(), job);
          const double value = matrixLoss<T>(form, matrix.data(), target, n, dK.data());
          pass->gradient(dK.data(), gradient.data(), nullptr, job);
          return value;
        },
        kernel_);
    write(gradient, info[4], "gradient");
    return Napi::Number::New(info.Env(), loss);
  });
}

namespace {
// Each environment (worker threads included) has its own constructor.
Napi::FunctionReference& constructorOf(Napi::Env env) { return *env.GetInstanceData<Napi::FunctionReference>(); }
}  // namespace

void ForwardObject::define(Napi::Env env, Napi::Object exports) {
  const Napi::Function constructor = DefineClass(
      env, "NativeForward",
      {InstanceMethod("gradient", &ForwardObject::gradient), InstanceMethod("dispose", &ForwardObject::dispose)});
  env.SetInstanceData(new Napi::FunctionReference(Napi::Persistent(constructor)));
  exports.Set("NativeForward", constructor);
}

ForwardObject::ForwardObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ForwardObject>(info) {}

Napi::Object ForwardObject::wrap(Napi::Env env, AnyForward forward, std::size_t n, std::size_t m, std::size_t features,
                                 bool cross) {
  Napi::Object object = constructorOf(env).New({});
  ForwardObject* self = Unwrap(object);
  self->forward_ = std::move(forward);
  self->rows_ = n;
  self->columns_ = m;
  self->features_ = features;
  self->cross_ = cross;
  return object;
}

void ForwardObject::gradient(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    std::vector<double> dx(rows_ * features_), dy(cross_ ? columns_ * features_ : 0);
    Job job;
    std::visit(
        [&](auto& forward) {
          if (!forward) fail(info.Env(), "forward pass was disposed of");
          using T = std::conditional_t<std::is_same_v<std::decay_t<decltype(forward)>, std::unique_ptr<Forward<float>>>,
                                       float, double>;
          forward->gradient(memory<T>(info[0], rows_ * columns_, "dK"), dx.data(), cross_ ? dy.data() : nullptr, job);
        },
        forward_);
    write(dx, info[1], "dx");
    if (cross_) write(dy, info[2], "dy");
  });
}

void ForwardObject::dispose(const Napi::CallbackInfo&) {
  std::visit([](auto& forward) { forward.reset(); }, forward_);
}

}  // namespace qrkd::addon
