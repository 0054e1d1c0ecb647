#include "plan_object.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "job_object.h"
#include "plan_specification.h"

namespace qrkd::addon {
namespace {

using namespace network;

constexpr napi_type_tag kDataTag = {0x1f6f5b0a6f0c4d77, 0xb1c5a7d2e3984f60};

template <class S>
struct ScalarOf;
template <class T>
struct ScalarOf<std::shared_ptr<Trainer<T>>> {
  using Type = T;
};

template <class A>
void checkLength(const Napi::Value& value, napi_typedarray_type type, std::size_t size, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type ||
      value.As<A>().ElementLength() < size) {
    fail(value.Env(), std::string(name) + " must be a typed array of the right type and length");
  }
}

}  // namespace

void DataObject::define(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeData", DefineClass(env, "NativeData", {InstanceMethod("dispose", &DataObject::dispose)}));
}

DataObject::DataObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DataObject>(info) {
  guarded(info.Env(), [&] {
    auto data = std::make_shared<DataSet>();
    data->count = count(info[1], "count");
    checkLength<Napi::Float32Array>(info[0], napi_float32_array, data->count, "images");
    const auto images = info[0].As<Napi::Float32Array>();
    data->images.assign(images.Data(), images.Data() + images.ElementLength());
    if (info[2].IsTypedArray()) {
      checkLength<Napi::Int32Array>(info[2], napi_int32_array, data->count, "labels");
      const auto labels = info[2].As<Napi::Int32Array>();
      if (data->count == 0 || labels.ElementLength() % data->count != 0) {
        fail(info.Env(), "labels must be one for each sample, or as many for each");
      }
      data->labels.assign(labels.Data(), labels.Data() + labels.ElementLength());
    }
    const auto targets = info[3].As<Napi::Array>();
    for (std::uint32_t t = 0; t < targets.Length(); ++t) {
      const auto object = targets.Get(t).As<Napi::Object>();
      DataSet::Matrix matrix;
      matrix.columns = count(object.Get("columns"), "columns");
      checkLength<Napi::Float32Array>(object.Get("data"), napi_float32_array, data->count * matrix.columns, "targets");
      const float* values = object.Get("data").As<Napi::Float32Array>().Data();
      matrix.values.assign(values, values + data->count * matrix.columns);
      data->targets.push_back(std::move(matrix));
    }
    bytes_ = static_cast<std::int64_t>(4 * data->images.size());
    data_ = std::move(data);
  });
  napi_type_tag_object(info.Env(), info.This(), &kDataTag);
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), bytes_);
}

void DataObject::Finalize(Napi::Env env) {
  Napi::MemoryManagement::AdjustExternalMemory(env, -std::exchange(bytes_, 0));
}

void DataObject::dispose(const Napi::CallbackInfo& info) {
  data_.reset();
  Finalize(info.Env());
}

std::shared_ptr<const DataSet> DataObject::of(const Napi::Value& value) {
  bool tagged = false;
  if (value.IsObject()) napi_check_object_type_tag(value.Env(), value, &kDataTag, &tagged);
  if (!tagged) fail(value.Env(), "expected NativeData");
  auto data = Unwrap(value.As<Napi::Object>())->data_;
  if (!data) fail(value.Env(), "the data were disposed of");
  return data;
}

void PlanObject::define(Napi::Env env, Napi::Object exports) {
  exports.Set(
      "NativePlan",
      DefineClass(env, "NativePlan",
                  {InstanceMethod("train", &PlanObject::train), InstanceMethod("evaluate", &PlanObject::evaluate),
                   InstanceMethod("evaluateTokens", &PlanObject::evaluateTokens),
                   InstanceMethod("readWeights", &PlanObject::readWeights),
                   InstanceMethod("writeWeights", &PlanObject::writeWeights),
                   InstanceMethod("optimizerState", &PlanObject::optimizerState),
                   InstanceMethod("restoreOptimizer", &PlanObject::restoreOptimizer),
                   InstanceMethod("startProfile", &PlanObject::startProfile),
                   InstanceMethod("profile", &PlanObject::profile), InstanceMethod("dispose", &PlanObject::dispose)}));
}

PlanObject::PlanObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PlanObject>(info) {
  if (!info[0].IsObject()) fail(info.Env(), "NativePlan needs a specification");
  const auto spec = info[0].As<Napi::Object>();
  guarded(info.Env(), [&] {
    if (spec.Get("precision").ToString().Utf8Value() == "float32") {
      trainer_ = readTrainer<float>(spec);
    } else {
      trainer_ = readTrainer<double>(spec);
    }
  });
  std::visit([&](auto& trainer) { bytes_ = static_cast<std::int64_t>(trainer->network().arenaBytes()); }, trainer_);
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), bytes_);
}

void PlanObject::Finalize(Napi::Env env) {
  Napi::MemoryManagement::AdjustExternalMemory(env, -std::exchange(bytes_, 0));
}

void PlanObject::check(Napi::Env env) const {
  std::visit(
      [&](const auto& trainer) {
        if (!trainer) fail(env, "the plan was disposed of");
      },
      trainer_);
  if (busy_->load()) fail(env, "the plan is running");
}

template <class Body>
Napi::Value PlanObject::start(const Napi::CallbackInfo& info, const char* name, Body body, const Napi::Value& out) {
  busy_->store(true);
  return startJob(
      info.Env(), name,
      [busy = busy_, body](Job& job) {
        struct Free {
          std::atomic<bool>& flag;
          ~Free() { flag.store(false); }
        } free{*busy};
        body(job);
      },
      out);
}

Napi::Value PlanObject::train(const Napi::CallbackInfo& info) {
  check(info.Env());
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto data = DataObject::of(info[0]);
    auto call = std::make_shared<TrainCall>();
    call->data = data.get();
    call->batchSize = count(info[2], "batchSize");
    checkLength<Napi::Uint32Array>(info[1], napi_uint32_array, 0, "order");
    const auto order = info[1].As<Napi::Uint32Array>();
    call->order.assign(order.Data(), order.Data() + order.ElementLength());
    checkLength<Napi::Float64Array>(info[3], napi_float64_array, 0, "learningRates");
    call->learningRates = doubles(info[3], info[3].As<Napi::TypedArray>().ElementLength(), "learningRates");
    call->firstStep = count(info[4], "firstStep");
    call->alone = info[5].ToBoolean();
    if (!info[6].IsArrayBuffer()) fail(info.Env(), "metrics must be an ArrayBuffer");
    auto metrics = info[6].As<Napi::ArrayBuffer>();
    const bool rowsExist =
        std::all_of(call->order.begin(), call->order.end(), [&](std::uint32_t row) { return row < data->count; });
    if (!rowsExist || call->order.size() < call->batchSize * call->learningRates.size()) {
      fail(info.Env(), "order must hold rows of the data for every step");
    }
    return std::visit(
        [&](auto& trainer) -> Napi::Value {
          using T = typename ScalarOf<std::decay_t<decltype(trainer)>>::Type;
          Network<T>& network = trainer->network();
          const bool fits = call->batchSize > 0 && call->batchSize <= network.most() && trainer->trains() &&
                            data->images.size() == data->count * network.graph().nodes[0].shape.size() &&
                            metrics.ByteLength() >= 8 * trainer->metricsPerStep() * call->learningRates.size();
          if (!fits || !trainer->accepts(*data)) fail(info.Env(), "data, batch or metrics do not fit the plan");
          double* to = static_cast<double*>(metrics.Data());
          return start(
              info, "qrkd.train", [trainer, data, call, to](Job& job) { trainer->train(*call, to, job); }, metrics);
        },
        trainer_);
  });
}

Napi::Value PlanObject::evaluate(const Napi::CallbackInfo& info) {
  check(info.Env());
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto data = DataObject::of(info[0]);
    const std::size_t first = count(info[1], "first"), samples = count(info[2], "count");
    const bool alone = info[3].ToBoolean();
    const auto arrays = info[4].As<Napi::Array>();
    return std::visit(
        [&](auto& trainer) -> Napi::Value {
          using T = typename ScalarOf<std::decay_t<decltype(trainer)>>::Type;
          Network<T>& network = trainer->network();
          if (first + samples > data->count || arrays.Length() > network.graph().outputs.size() ||
              data->images.size() != data->count * network.graph().nodes[0].shape.size()) {
            fail(info.Env(), "data or outputs do not fit the plan");
          }
          std::vector<float*> outputs;
          for (std::uint32_t o = 0; o < arrays.Length(); ++o) {
            const Napi::Value value = arrays.Get(o);
            if (!value.IsArrayBuffer() ||
                value.As<Napi::ArrayBuffer>().ByteLength() < 4 * samples * network.outputSize(o)) {
              fail(info.Env(), "outputs must be ArrayBuffers that are large enough");
            }
            outputs.push_back(static_cast<float*>(value.As<Napi::ArrayBuffer>().Data()));
          }
          return start(
              info, "qrkd.evaluate",
              [trainer, data, outputs, first, samples, alone](Job& job) {
                trainer->evaluate(*data, first, samples, outputs, alone, job);
              },
              arrays);
        },
        trainer_);
  });
}

Napi::Value PlanObject::evaluateTokens(const Napi::CallbackInfo& info) {
  check(info.Env());
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto data = DataObject::of(info[0]);
    const std::size_t first = count(info[1], "first"), samples = count(info[2], "count");
    const bool alone = info[3].ToBoolean();
    if (!info[4].IsArrayBuffer() || info[4].As<Napi::ArrayBuffer>().ByteLength() < 3 * sizeof(double)) {
      fail(info.Env(), "out must be an ArrayBuffer of three numbers");
    }
    auto out = info[4].As<Napi::ArrayBuffer>();
    double* to = static_cast<double*>(out.Data());
    return std::visit(
        [&](auto& trainer) -> Napi::Value {
          using T = typename ScalarOf<std::decay_t<decltype(trainer)>>::Type;
          Network<T>& network = trainer->network();
          const auto classes = static_cast<std::int32_t>(network.outputShape(0).channels);
          if (first + samples > data->count || !trainer->labelsTokens(*data) ||
              data->images.size() != data->count * network.graph().nodes[0].shape.size() ||
              std::any_of(data->labels.begin(), data->labels.end(), [&](auto label) { return label >= classes; })) {
            fail(info.Env(), "data or labels do not fit the plan");
          }
          return start(
              info, "qrkd.evaluateTokens",
              [trainer, data, first, samples, alone, to](Job& job) {
                const TokenResult result = trainer->evaluateTokens(*data, first, samples, alone, job);
                to[0] = result.counted;
                to[1] = result.correct;
                to[2] = result.crossEntropy;
              },
              out);
        },
        trainer_);
  });
}

void PlanObject::readWeights(const Napi::CallbackInfo& info) {
  check(info.Env());
  guarded(info.Env(), [&] {
    std::visit(
        [&](auto& trainer) {
          const auto& weights = trainer->network().graph().weights;
          const std::size_t w = count(info[0], "index");
          if (w >= weights.size()) fail(info.Env(), "no such weight");
          write(std::vector<double>(weights[w]->value.begin(), weights[w]->value.end()), info[1], "out");
        },
        trainer_);
  });
}

void PlanObject::writeWeights(const Napi::CallbackInfo& info) {
  check(info.Env());
  guarded(info.Env(), [&] {
    std::visit(
        [&](auto& trainer) {
          auto& weights = trainer->network().graph().weights;
          const std::size_t w = count(info[0], "index");
          if (w >= weights.size()) fail(info.Env(), "no such weight");
          const auto values = doubles(info[1], weights[w]->value.size(), "values");
          std::copy(values.begin(), values.end(), weights[w]->value.begin());
          trainer->network().weightsChanged();
        },
        trainer_);
  });
}

Napi::Value PlanObject::optimizerState(const Napi::CallbackInfo& info) {
  check(info.Env());
  return std::visit(
      [&](auto& trainer) -> Napi::Value {
        Napi::Object state = Napi::Object::New(info.Env());
        Napi::Array slots = Napi::Array::New(info.Env());
        for (const auto& slot : trainer->optimizer().slots()) {
          const auto array = Napi::Float64Array::New(info.Env(), slot.size());
          write(std::vector<double>(slot.begin(), slot.end()), array, "slot");
          slots.Set(slots.Length(), array);
        }
        state.Set("steps", static_cast<double>(trainer->optimizer().steps()));
        state.Set("slots", slots);
        return state;
      },
      trainer_);
}

void PlanObject::restoreOptimizer(const Napi::CallbackInfo& info) {
  check(info.Env());
  guarded(info.Env(), [&] {
    const auto arrays = info[1].As<Napi::Array>();
    std::visit(
        [&](auto& trainer) {
          auto& slots = trainer->optimizer().slots();
          if (arrays.Length() != slots.size()) fail(info.Env(), "slots of another optimizer");
          for (std::uint32_t s = 0; s < arrays.Length(); ++s) {
            const auto values = doubles(arrays.Get(s), slots[s].size(), "slots");
            std::copy(values.begin(), values.end(), slots[s].begin());
          }
          trainer->optimizer().restore(count(info[0], "steps"));
        },
        trainer_);
  });
}

void PlanObject::startProfile(const Napi::CallbackInfo& info) {
  check(info.Env());
  std::visit([](auto& trainer) { trainer->network().startProfile(); }, trainer_);
}

Napi::Value PlanObject::profile(const Napi::CallbackInfo& info) {
  check(info.Env());
  return std::visit(
      [&](auto& trainer) -> Napi::Value {
        const auto times = trainer->network().profile();
        auto forward = Napi::Float64Array::New(info.Env(), times.size());
        auto backward = Napi::Float64Array::New(info.Env(), times.size());
        for (std::size_t n = 0; n < times.size(); ++n) {
          forward[n] = times[n].forward;
          backward[n] = times[n].backward;
        }
        Napi::Object result = Napi::Object::New(info.Env());
        result.Set("forward", forward);
        result.Set("backward", backward);
        return result;
      },
      trainer_);
}

void PlanObject::dispose(const Napi::CallbackInfo& info) {
  // A job that is running holds the trainer until it ends.
  std::visit([](auto& trainer) { trainer.reset(); }, trainer_);
  Finalize(info.Env());
}

}  // namespace qrkd::addon
