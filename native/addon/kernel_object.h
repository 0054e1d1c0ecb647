// The JavaScript classes NativeKernel and NativeForward.
#pragma once

#include <napi.h>

#include <memory>
#include <variant>

#include "../core/kernel.h"
#include "arguments.h"

namespace qrkd::addon {

using AnyKernel = std::variant<std::shared_ptr<Kernel<float>>, std::shared_ptr<Kernel<double>>>;
using AnyForward = std::variant<std::unique_ptr<Forward<float>>, std::unique_ptr<Forward<double>>>;

class KernelObject : public Napi::ObjectWrap<KernelObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit KernelObject(const Napi::CallbackInfo& info);
  /// Of a NativeKernel; throws for any other value.
  static const AnyKernel& of(const Napi::Value& value);

 private:
  /// matrix(x, n, y | null, m, parameters, out)
  void matrix(const Napi::CallbackInfo& info);
  /// matrixAsync(x, n, y | null, m, parameters, out: ArrayBuffer) -> { promise, cancel(), progress() }
  Napi::Value matrixAsync(const Napi::CallbackInfo& info);
  /// encodeAsync(x, n, parameters, whole) -> { handle, promise, cancel(), progress() }; `whole`: samples of the matrix
  Napi::Value encodeAsync(const Napi::CallbackInfo& info);
  /// blockAsync(handle, handle | null, out: ArrayBuffer) -> { promise, cancel(), progress() }
  Napi::Value blockAsync(const Napi::CallbackInfo& info);
  /// release(handle)
  void release(const Napi::CallbackInfo& info);
  /// forward(x, n, y | null, m, parameters, out) -> NativeForward
  Napi::Value forward(const Napi::CallbackInfo& info);
  /// states(x, n, parameters, real, imag, amplitudes)
  void states(const Napi::CallbackInfo& info);
  /// kernelLoss(x, n, parameters, target, form, gradient, dparameters) -> loss
  Napi::Value kernelLoss(const Napi::CallbackInfo& info);
  /// blochVectors(x, n, parameters, out)
  void blochVectors(const Napi::CallbackInfo& info);
  /// blochGradient(x, n, parameters, dBloch, dx, dparameters)
  void blochGradient(const Napi::CallbackInfo& info);

  Samples samples(const Napi::Value& x, const Napi::Value& n, const Napi::Value& y, const Napi::Value& m,
                  const Napi::Value& parameters) const;
  /// Samples without a second side: x, n, parameters are the first arguments.
  Samples alone(const Napi::CallbackInfo& info) const;

  AnyKernel kernel_;
  std::size_t features_ = 0, parameters_ = 0;
};

class ForwardObject : public Napi::ObjectWrap<ForwardObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit ForwardObject(const Napi::CallbackInfo& info);
  static Napi::Object wrap(Napi::Env env, AnyForward forward, std::size_t n, std::size_t m, std::size_t features,
                           std::size_t parameters, bool cross);

 private:
  /// gradient(dK, dx, dy | null, dparameters)
  void gradient(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);

  AnyForward forward_;
  std::size_t rows_ = 0, columns_ = 0, features_ = 0, parameters_ = 0;
  bool cross_ = false;
};

}  // namespace qrkd::addon
