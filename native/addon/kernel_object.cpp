#include "kernel_object.h"

#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "encoded.h"
#include "job_object.h"
#include "specification.h"

namespace qrkd::addon {
namespace {

template <class K>
struct ScalarOf;
template <class T>
struct ScalarOf<std::shared_ptr<Kernel<T>>> {
  using Type = T;
};

constexpr napi_type_tag kKernelTag = {0x7c8e1d5f20b94a36, 0x8f4d2c6ba1e05973};

}  // namespace

void KernelObject::define(Napi::Env env, Napi::Object exports) {
  exports.Set(
      "NativeKernel",
      DefineClass(
          env, "NativeKernel",
          {InstanceMethod("matrix", &KernelObject::matrix), InstanceMethod("matrixAsync", &KernelObject::matrixAsync),
           InstanceMethod("encodeAsync", &KernelObject::encodeAsync),
           InstanceMethod("blockAsync", &KernelObject::blockAsync), InstanceMethod("release", &KernelObject::release),
           InstanceMethod("forward", &KernelObject::forward), InstanceMethod("states", &KernelObject::states),
           InstanceMethod("kernelLoss", &KernelObject::kernelLoss),
           InstanceMethod("blochVectors", &KernelObject::blochVectors),
           InstanceMethod("blochGradient", &KernelObject::blochGradient)}));
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
  std::visit(
      [&](const auto& kernel) {
        features_ = kernel->features();
        parameters_ = kernel->parameters();
      },
      kernel_);
  napi_type_tag_object(info.Env(), info.This(), &kKernelTag);
}

const AnyKernel& KernelObject::of(const Napi::Value& value) {
  bool tagged = false;
  if (value.IsObject()) napi_check_object_type_tag(value.Env(), value, &kKernelTag, &tagged);
  if (!tagged) fail(value.Env(), "expected a NativeKernel");
  return Unwrap(value.As<Napi::Object>())->kernel_;
}

Samples KernelObject::samples(const Napi::Value& x, const Napi::Value& n, const Napi::Value& y, const Napi::Value& m,
                              const Napi::Value& parameters) const {
  return Samples(x, n, y, m, features_, doubles(parameters, parameters_, "parameters"));
}

Samples KernelObject::alone(const Napi::CallbackInfo& info) const {
  return samples(info[0], info[1], info.Env().Null(), info.Env().Null(), info[2]);
}

void KernelObject::matrix(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const Samples samples = this->samples(info[0], info[1], info[2], info[3], info[4]);
    Job job;
    std::visit(
        [&](auto& kernel) {
          using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
          kernel->matrix(samples.rowsX, samples.second(), memory<T>(info[5], samples.entries(), "out"), job);
        },
        kernel_);
  });
}

Napi::Value KernelObject::matrixAsync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  // std::function wants what it holds to be copyable.
  const auto samples = std::make_shared<Samples>(this->samples(info[0], info[1], info[2], info[3], info[4]));
  if (!info[5].IsArrayBuffer()) fail(env, "out must be an ArrayBuffer");
  auto out = info[5].As<Napi::ArrayBuffer>();
  return std::visit(
      [&](auto& kernel) -> Napi::Value {
        using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
        if (out.ByteLength() < samples->entries() * sizeof(T)) fail(env, "out is too small");
        T* data = static_cast<T*>(out.Data());
        return startJob(
            env, "qrkd.matrix",
            [=, kernel = kernel](Job& job) { kernel->matrix(samples->rowsX, samples->second(), data, job); }, out);
      },
      kernel_);
}

Napi::Value KernelObject::encodeAsync(const Napi::CallbackInfo& info) {
  Samples samples = alone(info);
  const std::size_t whole = count(info[3], "whole");
  return std::visit([&](auto& kernel) { return addon::encodeAsync(info.Env(), kernel, std::move(samples), whole); },
                    kernel_);
}

Napi::Value KernelObject::blockAsync(const Napi::CallbackInfo& info) {
  return std::visit([&](auto& kernel) { return addon::blockAsync(info.Env(), kernel, info[0], info[1], info[2]); },
                    kernel_);
}

void KernelObject::release(const Napi::CallbackInfo& info) { releaseEncoded(info[0]); }

Napi::Value KernelObject::forward(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Samples samples = this->samples(info[0], info[1], info[2], info[3], info[4]);
    Job job;
    return std::visit(
        [&](auto& kernel) -> Napi::Value {
          using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
          T* out = memory<T>(info[5], samples.entries(), "out");
          AnyForward pass = kernel->forward(samples.rowsX, samples.second(), out, job);
          return ForwardObject::wrap(info.Env(), std::move(pass), samples.rowsX.count,
                                     samples.cross ? samples.rowsY.count : samples.rowsX.count, features_, parameters_,
                                     samples.cross);
        },
        kernel_);
  });
}

void KernelObject::states(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const Samples samples = alone(info);
    const std::size_t size = samples.rowsX.count * count(info[5], "amplitudes");
    Job job;
    std::visit(
        [&](auto& kernel) {
          using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
          kernel->states(samples.rowsX, memory<T>(info[3], size, "real"), memory<T>(info[4], size, "imag"), job);
        },
        kernel_);
  });
}

Napi::Value KernelObject::kernelLoss(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Samples samples = alone(info);
    const std::size_t n = samples.rowsX.count;
    const auto form = static_cast<MatrixLoss>(count(info[4], "form"));
    std::vector<double> gradient(n * features_), dparameters(parameters_);
    Job job;
    const double loss = std::visit(
        [&](auto& kernel) {
          using T = typename ScalarOf<std::decay_t<decltype(kernel)>>::Type;
          const T* target = memory<T>(info[3], n * n, "target");
          Buffer<T> matrix(n * n), dK(n * n);
          const auto pass = kernel->forward(samples.rowsX, nullptr, matrix.data(), job);
          const double value = matrixLoss<T>(form, matrix.data(), target, n, dK.data());
          pass->gradient(dK.data(), {gradient.data(), nullptr, dparameters.data()}, job);
          return value;
        },
        kernel_);
    write(gradient, info[5], "gradient");
    write(dparameters, info[6], "dparameters");
    return Napi::Number::New(info.Env(), loss);
  });
}

void KernelObject::blochVectors(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const Samples samples = alone(info);
    std::vector<double> out;
    Job job;
    std::visit(
        [&](auto& kernel) {
          out.resize(samples.rowsX.count * kernel->blochWidth());
          kernel->blochVectors(samples.rowsX, out.data(), job);
        },
        kernel_);
    write(out, info[3], "out");
  });
}

void KernelObject::blochGradient(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const Samples samples = alone(info);
    std::vector<double> dx(samples.rowsX.count * features_), dparameters(parameters_);
    Job job;
    std::visit(
        [&](auto& kernel) {
          const auto weights = doubles(info[3], samples.rowsX.count * kernel->blochWidth(), "dBloch");
          kernel->blochGradient(samples.rowsX, weights.data(), {dx.data(), nullptr, dparameters.data()}, job);
        },
        kernel_);
    write(dx, info[4], "dx");
    write(dparameters, info[5], "dparameters");
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
                                 std::size_t parameters, bool cross) {
  Napi::Object object = constructorOf(env).New({});
  ForwardObject* self = Unwrap(object);
  self->forward_ = std::move(forward);
  self->rows_ = n;
  self->columns_ = m;
  self->features_ = features;
  self->parameters_ = parameters;
  self->cross_ = cross;
  return object;
}

void ForwardObject::gradient(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    std::vector<double> dx(rows_ * features_), dy(cross_ ? columns_ * features_ : 0), dparameters(parameters_);
    Job job;
    std::visit(
        [&](auto& forward) {
          if (!forward) fail(info.Env(), "forward pass was disposed of");
          using T = std::conditional_t<std::is_same_v<std::decay_t<decltype(forward)>, std::unique_ptr<Forward<float>>>,
                                       float, double>;
          forward->gradient(memory<T>(info[0], rows_ * columns_, "dK"),
                            {dx.data(), cross_ ? dy.data() : nullptr, dparameters.data()}, job);
        },
        forward_);
    write(dx, info[1], "dx");
    if (cross_) write(dy, info[2], "dy");
    write(dparameters, info[3], "dparameters");
  });
}

void ForwardObject::dispose(const Napi::CallbackInfo&) {
  std::visit([](auto& forward) { forward.reset(); }, forward_);
}

}  // namespace qrkd::addon
