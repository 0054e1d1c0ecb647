#include "background.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <vector>

#include "../core/thread_pool.h"

namespace qrkd::addon {

// A few threads for the whole process. Its destructor runs when the process ends or Node unloads the addon with the
// last environment that used it, and leaves no thread inside code that is about to go.
class BackgroundQueue {
 public:
  static BackgroundQueue& instance() {
    static BackgroundQueue queue;
    return queue;
  }

  ~BackgroundQueue() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      waiting_.clear();
      // `process.exit` ends the process without ending the environment first.
      for (BackgroundWork* work : running_) work->cancel();
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  void add(BackgroundWork* work) {
    std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(work);
    // One job may use all processors, or just the thread that it gets: that many of these can run at once. The few more
    // only let short jobs pass long ones.
    if (idle_ < waiting_.size() && threads_.size() < std::max(kThreads, static_cast<std::size_t>(qrkd::threads())))
      threads_.emplace_back([this] { serve(); });
    wake_.notify_one();
  }

  /// Whether the work had not begun, and now never will.
  bool remove(BackgroundWork* work) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find(waiting_.begin(), waiting_.end(), work);
    if (found == waiting_.end()) return false;
    waiting_.erase(found);
    return true;
  }

 private:
  static constexpr std::size_t kThreads = 4;

  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      ++idle_;
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      --idle_;
      if (stopping_) return;
      BackgroundWork* work = waiting_.front();
      waiting_.pop_front();
      running_.push_back(work);
      lock.unlock();
      work->execute();
      lock.lock();
      // Before the JavaScript thread may delete it.
      running_.erase(std::find(running_.begin(), running_.end(), work));
      lock.unlock();
      work->deliver();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<BackgroundWork*> waiting_;
  std::vector<BackgroundWork*> running_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

void BackgroundWork::start(Napi::Env env, const char* name, BackgroundWork* work) {
  const auto deleteWork = [](napi_env, void* data, void*) { delete static_cast<BackgroundWork*>(data); };
  const napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, name), 0, 1,
                                                             work, deleteWork, nullptr, finished, &work->function_);
  if (status != napi_ok) {
    delete work;
    throw Napi::Error::New(env);
  }
  // Hooks run last in, first out: this one before that of the function just made.
  napi_add_env_cleanup_hook(env, environmentEnds, work);
  BackgroundQueue::instance().add(work);
}

void BackgroundWork::deliver() {
  std::lock_guard<std::mutex> lock(mutex_);
  // Deleting is the JavaScript thread's, which begins with `finished`; that and the hook wait for this lock.
  napi_call_threadsafe_function(function_, this, napi_tsfn_blocking);
  napi_release_threadsafe_function(function_, napi_tsfn_release);
  done_ = true;
  ended_.notify_one();
}

void BackgroundWork::finished(napi_env env, napi_value, void*, void* data) {
  if (env == nullptr) return;  // the environment has ended, and the work is deleted already
  auto* work = static_cast<BackgroundWork*>(data);
  { std::lock_guard<std::mutex> left(work->mutex_); }
  napi_remove_env_cleanup_hook(env, environmentEnds, work);
  try {
    work->finish(env);
  } catch (const Napi::Error&) {
    // A worker thread that was terminated in the meantime runs no more JavaScript: nobody is left to hear of this.
  }
}

void BackgroundWork::environmentEnds(void* data) {
  auto* work = static_cast<BackgroundWork*>(data);
  if (BackgroundQueue::instance().remove(work)) {
    napi_release_threadsafe_function(work->function_, napi_tsfn_abort);
    return;
  }
  work->cancel();
  std::unique_lock<std::mutex> lock(work->mutex_);
  work->ended_.wait(lock, [work] { return work->done_; });
}

}  // namespace qrkd::addon
