// Module entry: what TypeScript's src/engine/native.ts sees.
#include <napi.h>

#include <mutex>
#include <stdexcept>
#include <string>

#include "../core/isa.h"
#include "../core/product_rate.h"
#include "../core/thread_pool.h"
#include "arguments.h"
#include "kernel_object.h"
#include "losses.h"
#include "plan_object.h"

namespace qrkd::addon {
namespace {

Napi::Array strings(Napi::Env env, const std::vector<std::string>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (std::uint32_t i = 0; i < values.size(); ++i) array.Set(i, values[i]);
  return array;
}

/// simd() -> { known, supported, active, threads, availableThreads }
Napi::Value simd(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("known", strings(info.Env(), knownInstructionSets()));
  result.Set("supported", strings(info.Env(), supportedInstructionSets()));
  result.Set("active", instructionSet().name);
  result.Set("threads", threads());
  result.Set("availableThreads", availableThreads());
  return result;
}

void selectIsa(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { selectInstructionSet(info[0].ToString()); });
}

/// productRate(precision) -> operations per second
Napi::Value rateOfProducts(const Napi::CallbackInfo& info) {
  const bool single = info[0].ToString().Utf8Value() == "float32";
  return Napi::Number::New(info.Env(), single ? productRate<float>() : productRate<double>());
}

// Once a process: another worker thread's wish must not resize the pool under the loops of this one.
void useThreads(const Napi::CallbackInfo& info) {
  static std::once_flag once;
  const int wanted = static_cast<int>(count(info[0], "threads"));
  std::call_once(once, [wanted] { setThreads(wanted); });
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  KernelObject::define(env, exports);
  ForwardObject::define(env, exports);
  DataObject::define(env, exports);
  PlanObject::define(env, exports);
  defineLosses(env, exports);
  exports.Set("simd", Napi::Function::New(env, simd));
  exports.Set("selectInstructionSet", Napi::Function::New(env, selectIsa));
  exports.Set("productRate", Napi::Function::New(env, rateOfProducts));
  exports.Set("setThreads", Napi::Function::New(env, useThreads));
  return exports;
}

}  // namespace
}  // namespace qrkd::addon

namespace {
Napi::Object initialise(Napi::Env env, Napi::Object exports) { return qrkd::addon::init(env, exports); }
}  // namespace

NODE_API_MODULE(qrkd, initialise)
