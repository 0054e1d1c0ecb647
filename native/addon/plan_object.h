// The JavaScript classes NativePlan (a network that trains and evaluates) and NativeData (its samples).
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>
#include <variant>

#include "../core/network/trainer.h"

namespace qrkd::addon {

class DataObject : public Napi::ObjectWrap<DataObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  /// NativeData(images: Float32Array, count, labels: Int32Array | null, targets: { data: Float32Array, columns }[]):
  /// copied.
  explicit DataObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::Env env) override;

  /// Of a NativeData that was not disposed of.
  static std::shared_ptr<const network::DataSet> of(const Napi::Value& value);

 private:
  void dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<network::DataSet> data_;
  std::int64_t bytes_ = 0;
};

class PlanObject : public Napi::ObjectWrap<PlanObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit PlanObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::Env env) override;

 private:
  /// train(data, order: Uint32Array, batchSize, learningRates: Float64Array, firstStep, alone, metrics: ArrayBuffer) ->
  /// job
  Napi::Value train(const Napi::CallbackInfo& info);
  /// evaluate(data, first, count, alone, outputs: ArrayBuffer[]) -> job
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  /// evaluateTokens(data, first, count, alone, out: ArrayBuffer) -> job
  Napi::Value evaluateTokens(const Napi::CallbackInfo& info);
  /// readWeights(index, out), writeWeights(index, values)
  void readWeights(const Napi::CallbackInfo& info);
  void writeWeights(const Napi::CallbackInfo& info);
  /// optimizerState() -> { steps, slots }, restoreOptimizer(steps, slots)
  Napi::Value optimizerState(const Napi::CallbackInfo& info);
  void restoreOptimizer(const Napi::CallbackInfo& info);
  /// startProfile(), profile() -> { forward, backward: seconds of each node }
  void startProfile(const Napi::CallbackInfo& info);
  Napi::Value profile(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);

  template <class T>
  using Shared = std::shared_ptr<network::Trainer<T>>;
  using AnyTrainer = std::variant<Shared<float>, Shared<double>>;

  /// Throws where the plan was disposed of, or a job of it is running.
  void check(Napi::Env env) const;
  template <class Body>
  Napi::Value start(const Napi::CallbackInfo& info, const char* name, Body body, const Napi::Value& out);

  AnyTrainer trainer_;
  std::shared_ptr<std::atomic<bool>> busy_ = std::make_shared<std::atomic<bool>>(false);
  std::int64_t bytes_ = 0;
};

}  // namespace qrkd::addon
