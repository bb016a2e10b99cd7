// Work that is done in order beside what its caller does.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace layoutfs {

// A queue and a thread that works it off. The thread starts with the second piece of work, so that what has
// only one costs none. Of an exception in the work finish() tells; what was queued behind it is dropped. For
// one caller at a time.
class SerialExecutor {
 public:
  using Work = std::move_only_function<void()>;

  // run() waits while `most` pieces of work wait.
  explicit SerialExecutor(std::size_t most) : most_(most) {}
  SerialExecutor(const SerialExecutor&) = delete;
  SerialExecutor& operator=(const SerialExecutor&) = delete;
  // Drops what has not begun.
  ~SerialExecutor();

  void run(Work work);
  // Until everything is done. More may be run after that.
  void finish();

 private:
  void start();
  void work();
  void do_next(std::unique_lock<std::mutex>& lock);

  const std::size_t most_;
  std::thread thread_;
  bool is_threadless_ = false;  // where no thread can be had

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Work> queue_;
  bool is_working_ = false, is_ended_ = false;
  std::exception_ptr failure_;
};

// Buffers that pass from one who fills them to those who read them, and back when nobody has them any more.
// Thread-safe.
class BufferRing {
 public:
  using Buffer = std::shared_ptr<std::byte[]>;

  // At most `count` buffers of `size` bytes, each made when it is first needed.
  BufferRing(std::size_t count, std::size_t size);
  // Waits until one is free.
  Buffer take();

 private:
  struct State;
  std::shared_ptr<State> state_;  // buffers may outlive the ring
};

}  // namespace layoutfs
