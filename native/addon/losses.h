// The relational losses as JavaScript functions.
#pragma once

#include <napi.h>

namespace qrkd::addon {

/// distanceLoss(student, teacher, n, studentColumns, teacherColumns, gradient) -> loss, and angleLoss likewise.
void defineLosses(Napi::Env env, Napi::Object exports);

}  // namespace qrkd::addon
