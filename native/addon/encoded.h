// Samples that a kernel has encoded, as a handle for JavaScript: blocks of a
// large matrix are computed from them.
#pragma once

#include <napi.h>

#include <memory>

#include "../core/kernel.h"
#include "arguments.h"

namespace qrkd::addon {

/// -> { handle, promise, cancel(), progress() }; the handle is of use once the
/// promise is fulfilled.
template <class T>
Napi::Value encodeAsync(Napi::Env env, std::shared_ptr<Kernel<T>> kernel, Samples samples, std::size_t whole);

/// [a, b], or [a, a] if b is null, to the start of an ArrayBuffer -> { promise,
/// cancel(), progress() }
template <class T>
Napi::Value blockAsync(Napi::Env env, std::shared_ptr<Kernel<T>> kernel, const Napi::Value& a, const Napi::Value& b,
                       const Napi::Value& out);

/// Gives the memory of a handle back, once no block is being computed from it.
void releaseEncoded(const Napi::Value& handle);

}  // namespace qrkd::addon
