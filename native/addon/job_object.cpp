#include "job_object.h"

#include <exception>
#include <memory>
#include <utility>

#include "arguments.h"
#include "background.h"

namespace qrkd::addon {
namespace {

class JobWork final : public BackgroundWork {
 public:
  JobWork(Napi::Env env, std::function<void(Job&)> body, Napi::Value out, std::shared_ptr<Job> job)
      : deferred_(Napi::Promise::Deferred::New(env)), body_(std::move(body)), job_(std::move(job)) {
    if (out.IsObject()) out_ = Napi::Persistent(out.As<Napi::Object>());
  }

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void execute() override {
    try {
      body_(*job_);
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  void cancel() override { job_->cancel(); }
  void finish(Napi::Env env) override {
    if (error_) {
      deferred_.Reject(toError(env, error_).Value());
    } else {
      deferred_.Resolve(env.Undefined());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<void(Job&)> body_;
  std::shared_ptr<Job> job_;
  Napi::ObjectReference out_;
  std::exception_ptr error_;
};

}  // namespace

Napi::Object startJob(Napi::Env env, const char* name, std::function<void(Job&)> body, Napi::Value out) {
  auto job = std::make_shared<Job>();
  auto* work = new JobWork(env, std::move(body), out, job);
  Napi::Object result = Napi::Object::New(env);
  result.Set("promise", work->promise());
  BackgroundWork::start(env, name, work);
  result.Set("cancel", Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->cancel(); }));
  result.Set("progress", Napi::Function::New(env, [job](const Napi::CallbackInfo& call) -> Napi::Value {
               return Napi::Number::New(call.Env(), job->progress());
             }));
  return result;
}

}  // namespace qrkd::addon
