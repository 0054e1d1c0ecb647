// Work off the event loop whose environment may end before it: unlike Node-API's own asynchronous work it is cancelled
// then, so that `worker.terminate()` and `process.exit()` do not wait for hours of arithmetic.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <mutex>

namespace qrkd::addon {

class BackgroundWork {
 public:
  BackgroundWork(const BackgroundWork&) = delete;
  BackgroundWork& operator=(const BackgroundWork&) = delete;

  /// Hands a new object over: it is run, finished and deleted, on the JavaScript thread. The event loop waits for it.
  static void start(Napi::Env env, const char* name, BackgroundWork* work);

 protected:
  BackgroundWork() = default;
  virtual ~BackgroundWork() = default;

  /// The work, on a thread without JavaScript. Must not throw.
  virtual void execute() = 0;
  /// Asks `execute` to return soon, because nobody is left to hear of it.
  virtual void cancel() = 0;
  /// Afterwards on the JavaScript thread, in a handle scope; not called where the environment has ended.
  virtual void finish(Napi::Env env) = 0;

 private:
  friend class BackgroundQueue;
  void deliver();
  static void finished(napi_env env, napi_value, void*, void* data);
  static void environmentEnds(void* data);

  napi_threadsafe_function function_ = nullptr;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
};

}  // namespace qrkd::addon
