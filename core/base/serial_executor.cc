#include "core/base/serial_executor.h"

#include <utility>
#include <vector>

namespace layoutfs {

SerialExecutor::~SerialExecutor() {
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
    is_ended_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SerialExecutor::run(Work work) {
  std::unique_lock lock(mutex_);
  // The first piece waits for a second one, because a single piece needs no thread.
  if (!queue_.empty() && !thread_.joinable() && !is_threadless_) start();
  if (thread_.joinable()) changed_.wait(lock, [this] { return queue_.size() < most_; });
  // What follows a failure may rely on it.
  if (failure_) return;
  queue_.push_back(std::move(work));
  changed_.notify_all();
  while (is_threadless_ && !queue_.empty()) do_next(lock);
}

void SerialExecutor::finish() {
  std::unique_lock lock(mutex_);
  if (thread_.joinable()) changed_.wait(lock, [this] { return queue_.empty() && !is_working_; });
  while (!queue_.empty()) do_next(lock);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void SerialExecutor::start() {
  try {
    thread_ = std::thread([this] { this->work(); });
  } catch (const std::exception&) {  // no thread or no memory available
    is_threadless_ = true;
  }
}

void SerialExecutor::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !queue_.empty() || is_ended_; });
    if (queue_.empty()) return;
    do_next(lock);
    changed_.notify_all();
  }
}

// The lock is held on entry and on return, but not while the work runs.
void SerialExecutor::do_next(std::unique_lock<std::mutex>& lock) {
  Work work = std::move(queue_.front());
  queue_.pop_front();
  is_working_ = true;
  lock.unlock();
  std::exception_ptr failure;
  try {
    work();
    work = nullptr;  // frees its captures before it counts as done
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  is_working_ = false;
  if (!failure) return;
  failure_ = failure;
  queue_.clear();
}

struct BufferRing::State {
  const std::size_t count, size;

  std::mutex mutex;  // guards the following members
  std::condition_variable returned;
  std::vector<std::unique_ptr<std::byte[]>> free;
  std::size_t made = 0;
};

BufferRing::BufferRing(std::size_t count, std::size_t size) : state_(std::make_shared<State>(count, size)) {
  state_->free.reserve(count);
}

BufferRing::Buffer BufferRing::take() {
  std::unique_ptr<std::byte[]> bytes;
  {
    std::unique_lock lock(state_->mutex);
    if (state_->free.empty() && state_->made < state_->count) {
      bytes = std::make_unique_for_overwrite<std::byte[]>(state_->size);
      ++state_->made;
    } else {
      state_->returned.wait(lock, [this] { return !state_->free.empty(); });
      bytes = std::move(state_->free.back());
      state_->free.pop_back();
    }
  }
  return Buffer(bytes.release(), [state = state_](std::byte* returned) {
    {
      const std::lock_guard lock(state->mutex);
      state->free.emplace_back(returned);
    }
    state->returned.notify_one();
  });
}

}  // namespace layoutfs
