#include "encoded.h"

#include <utility>
#include <variant>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "job_object.h"

namespace qrkd::addon {
namespace {

template <class T>
using Shared = std::shared_ptr<const Encoded<T>>;

struct Handle {
  std::variant<Shared<float>, Shared<double>> encoded;
  std::size_t count = 0;
};

constexpr napi_type_tag kTag = {0x5a1c0f6be7d94c21, 0x9b3e6d2f8a47c015};

Handle& handleOf(const Napi::Value& value) {
  bool tagged = false;
  if (value.IsExternal()) napi_check_object_type_tag(value.Env(), value, &kTag, &tagged);
  if (!tagged) fail(value.Env(), "expected a handle of encoded samples");
  return **value.As<Napi::External<std::shared_ptr<Handle>>>().Data();
}

template <class T>
Shared<T> encodedOf(const Napi::Value& value) {
  const auto* shared = std::get_if<Shared<T>>(&handleOf(value).encoded);
  if (shared == nullptr || *shared == nullptr) fail(value.Env(), "no encoded samples of the kernel's precision");
  return *shared;
}

}  // namespace

template <class T>
Napi::Value encodeAsync(Napi::Env env, std::shared_ptr<Kernel<T>> kernel, Samples samples, std::size_t whole) {
  auto handle = std::make_shared<Handle>();
  handle->encoded = Shared<T>();
  handle->count = samples.rowsX.count;
  samples.rowsX.whole = whole;
  // std::function wants what it holds to be copyable.
  auto owned = std::make_shared<Samples>(std::move(samples));
  const auto external = Napi::External<std::shared_ptr<Handle>>::New(
      env, new std::shared_ptr<Handle>(handle), [](Napi::Env, std::shared_ptr<Handle>* data) { delete data; });
  napi_type_tag_object(env, external, &kTag);
  Napi::Object job = startJob(
      env, "qrkd.encode", [=](Job& running) { handle->encoded = kernel->encode(owned->rowsX, running); }, env.Null());
  job.Set("handle", external);
  return job;
}

template <class T>
Napi::Value blockAsync(Napi::Env env, std::shared_ptr<Kernel<T>> kernel, const Napi::Value& a, const Napi::Value& b,
                       const Napi::Value& out) {
  const Shared<T> rows = encodedOf<T>(a), columns = b.IsNull() ? nullptr : encodedOf<T>(b);
  const std::size_t entries = handleOf(a).count * handleOf(b.IsNull() ? a : b).count;
  if (!out.IsArrayBuffer() || out.As<Napi::ArrayBuffer>().ByteLength() < entries * sizeof(T)) {
    fail(env, "out must be an ArrayBuffer that is large enough");
  }
  T* data = static_cast<T*>(out.As<Napi::ArrayBuffer>().Data());
  return startJob(
      env, "qrkd.block", [=](Job& job) { kernel->block(*rows, columns.get(), data, job); }, out);
}

void releaseEncoded(const Napi::Value& handle) {
  std::visit([](auto& encoded) { encoded.reset(); }, handleOf(handle).encoded);
#ifdef __GLIBC__
  // The allocator keeps blocks of up to 32 MB for each of the threads that took
  // turns, far beyond the bound that the caller of matrixToFile has set.
  malloc_trim(0);
#endif
}

template Napi::Value encodeAsync(Napi::Env, std::shared_ptr<Kernel<float>>, Samples, std::size_t);
template Napi::Value encodeAsync(Napi::Env, std::shared_ptr<Kernel<double>>, Samples, std::size_t);
template Napi::Value blockAsync(Napi::Env, std::shared_ptr<Kernel<float>>, const Napi::Value&, const Napi::Value&,
                                const Napi::Value&);
template Napi::Value blockAsync(Napi::Env, std::shared_ptr<Kernel<double>>, const Napi::Value&, const Napi::Value&,
                                const Napi::Value&);

}  // namespace qrkd::addon
