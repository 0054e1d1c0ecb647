#include "arguments.h"

#include <algorithm>
#include <new>

#include "../core/job.h"
#include "../core/kernel.h"
#include "../core/network/trainer.h"

namespace qrkd::addon {

void fail(Napi::Env env, const std::string& message) { throw Napi::TypeError::New(env, "qrkd addon: " + message); }

std::size_t count(const Napi::Value& value, const char* name) {
  if (!value.IsNumber() || value.As<Napi::Number>().Int64Value() < 0) {
    fail(value.Env(), std::string(name) + " must be a count");
  }
  return static_cast<std::size_t>(value.As<Napi::Number>().Int64Value());
}

template <class T>
T* memory(const Napi::Value& value, std::size_t size, const char* name) {
  using Array = Napi::TypedArrayOf<T>;
  const auto wanted = sizeof(T) == 4 ? napi_float32_array : napi_float64_array;
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != wanted ||
      value.As<Napi::TypedArray>().ElementLength() < size) {
    fail(value.Env(), std::string(name) + " must be a typed array of the right type and length");
  }
  return value.As<Array>().Data();
}
template float* memory<float>(const Napi::Value&, std::size_t, const char*);
template double* memory<double>(const Napi::Value&, std::size_t, const char*);

namespace {
bool isSingle(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_float32_array;
}
}  // namespace

std::vector<double> doubles(const Napi::Value& value, std::size_t size, const char* name) {
  if (isSingle(value)) {
    const float* data = memory<float>(value, size, name);
    return std::vector<double>(data, data + size);
  }
  const double* data = memory<double>(value, size, name);
  return std::vector<double>(data, data + size);
}

void write(const std::vector<double>& values, const Napi::Value& target, const char* name) {
  if (isSingle(target)) {
    std::transform(values.begin(), values.end(), memory<float>(target, values.size(), name),
                   [](double v) { return static_cast<float>(v); });
  } else {
    std::copy(values.begin(), values.end(), memory<double>(target, values.size(), name));
  }
}

Samples::Samples(const Napi::Value& xValue, const Napi::Value& n, const Napi::Value& yValue, const Napi::Value& m,
                 std::size_t columns, std::vector<double> values)
    : parameters(std::move(values)) {
  const std::size_t rows = count(n, "n");
  x = doubles(xValue, rows * columns, "x");
  rowsX = {x.data(), rows, columns, false, parameters.data(), parameters.size()};
  cross = !yValue.IsNull() && !yValue.IsUndefined();
  if (cross) {
    const std::size_t others = count(m, "m");
    y = doubles(yValue, others * columns, "y");
    rowsY = {y.data(), others, columns, true, parameters.data(), parameters.size()};
  }
}

double number(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsNumber()) fail(object.Env(), std::string(key) + " must be a number");
  return value.As<Napi::Number>().DoubleValue();
}

std::vector<int> integers(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    fail(object.Env(), std::string(key) + " must be an Int32Array");
  }
  const auto array = value.As<Napi::Int32Array>();
  return std::vector<int>(array.Data(), array.Data() + array.ElementLength());
}

std::vector<double> numbers(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsTypedArray()) fail(object.Env(), std::string(key) + " must be a typed array");
  return doubles(value, value.As<Napi::TypedArray>().ElementLength(), key);
}

Napi::Error toError(Napi::Env env, std::exception_ptr exception) {
  const auto make = [env](const char* message, const char* code) {
    Napi::Error error = Napi::Error::New(env, message);
    error.Value().Set("code", code);
    return error;
  };
  try {
    std::rethrow_exception(exception);
  } catch (const BadSample& e) {
    Napi::Error error = make(e.what(), "BAD_SAMPLE");
    error.Value().Set("row", Napi::Number::New(env, static_cast<double>(e.row)));
    error.Value().Set("inY", Napi::Boolean::New(env, e.inY));
    return error;
  } catch (const network::NotFinite& e) {
    Napi::Error error = make(e.what(), "NOT_FINITE");
    const auto set = [&](const char* key, double value) { error.Value().Set(key, Napi::Number::New(env, value)); };
    set("step", static_cast<double>(e.step));
    set("term", static_cast<double>(e.term));
    set("raw", e.value.raw);
    set("gradientNorm", e.value.gradientNorm);
    return error;
  } catch (const Cancelled& e) {
    return make(e.what(), "CANCELLED");
  } catch (const std::bad_alloc&) {
    return make("out of memory", "OUT_OF_MEMORY");
  } catch (const std::exception& e) {
    return make(e.what(), "NATIVE");
  }
}

}  // namespace qrkd::addon
