// Reading JavaScript values. TypeScript has validated them (src/engine); what is checked here keeps a wrong call from
// touching memory that it does not own.
#pragma once

#include <napi.h>

#include <cstddef>
#include <string>
#include <vector>

#include "../core/panel.h"

namespace qrkd::addon {

/// A float32 or float64 typed array of at least `size` elements, as doubles.
std::vector<double> doubles(const Napi::Value& value, std::size_t size, const char* name);

/// Copies of x [n, columns] and, unless null or undefined, y [m, columns]: nothing of V8's is used afterwards.
struct Samples {
  std::vector<double> x, y, parameters;
  Rows rowsX, rowsY;
  bool cross = false;

  Samples(const Napi::Value& x, const Napi::Value& n, const Napi::Value& y, const Napi::Value& m, std::size_t columns,
          std::vector<double> parameters);
  Samples(Samples&&) = default;
  const Rows* second() const { return cross ? &rowsY : nullptr; }
  std::size_t entries() const { return rowsX.count * (cross ? rowsY.count : rowsX.count); }
};

std::size_t count(const Napi::Value& value, const char* name);
double number(const Napi::Object& object, const char* key);
std::vector<int> integers(const Napi::Object& object, const char* key);
std::vector<double> numbers(const Napi::Object& object, const char* key);

/// The memory of a typed array of exactly T with at least `size` elements; valid during this call only.
template <class T>
T* memory(const Napi::Value& value, std::size_t size, const char* name);

/// Writes doubles to a float32 or float64 typed array of the same length.
void write(const std::vector<double>& values, const Napi::Value& target, const char* name);

[[noreturn]] void fail(Napi::Env env, const std::string& message);

/// Runs `body`, turning C++ exceptions into JavaScript errors whose `code` TypeScript knows.
template <class F>
auto guarded(Napi::Env env, F body) -> decltype(body());

/// The JavaScript error for the C++ exception in flight.
Napi::Error toError(Napi::Env env, std::exception_ptr exception);

template <class F>
auto guarded(Napi::Env env, F body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw toError(env, std::current_exception());
  }
}

}  // namespace qrkd::addon
