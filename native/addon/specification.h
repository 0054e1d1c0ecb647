// Kernels from their specification in JavaScript (NativeSpec of src/engine/native.ts).
#pragma once

#include <napi.h>

#include <memory>

#include "../core/kernel.h"

namespace qrkd::addon {

/// Throws a JavaScript TypeError for what TypeScript should have refused.
template <class T>
std::shared_ptr<Kernel<T>> readKernel(const Napi::Object& spec);

}  // namespace qrkd::addon
