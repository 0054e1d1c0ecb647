// Long calls as JavaScript sees them: { promise, cancel(), progress() }.
#pragma once

#include <napi.h>

#include <functional>

#include "../core/job.h"

namespace qrkd::addon {

/// Runs `body` off the event loop and settles the promise with undefined, or
/// with its exception as an error. `body` must own what it uses; `out`, an
/// ArrayBuffer that it writes or an array of them, is kept until then, for their memory never moves.
Napi::Object startJob(Napi::Env env, const char* name, std::function<void(Job&)> body, Napi::Value out);

}  // namespace qrkd::addon
