#include "losses.h"

#include <vector>

#include "../core/relational.h"
#include "arguments.h"

namespace qrkd::addon {
namespace {

using Loss = double (*)(const Rows&, const Rows&, double*, Job&);

template <Loss loss>
Napi::Value relational(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::size_t n = count(info[2], "n");
    const std::size_t studentColumns = count(info[3], "studentColumns");
    const std::size_t teacherColumns = count(info[4], "teacherColumns");
    const auto student = doubles(info[0], n * studentColumns, "student");
    const auto teacher = doubles(info[1], n * teacherColumns, "teacher");
    std::vector<double> gradient(n * studentColumns);
    Job job;
    const double value =
        loss({student.data(), n, studentColumns}, {teacher.data(), n, teacherColumns}, gradient.data(), job);
    write(gradient, info[5], "gradient");
    return Napi::Number::New(info.Env(), value);
  });
}

}  // namespace

void defineLosses(Napi::Env env, Napi::Object exports) {
  exports.Set("distanceLoss", Napi::Function::New(env, relational<distanceLoss>));
  exports.Set("angleLoss", Napi::Function::New(env, relational<angleLoss>));
}

}  // namespace qrkd::addon
