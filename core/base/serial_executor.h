// Runs work in order, in parallel with the caller.
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

// A queue and a thread. The thread starts with the second piece of work, so that a single piece needs none.
// finish() rethrows the first exception; later work is dropped. For one caller at a time.
class SerialExecutor {
 public:
  using Work = std::move_only_function<void()>;

  // run() blocks while `most` pieces of work are queued.
  explicit SerialExecutor(std::size_t most) : most_(most) {}
  SerialExecutor(const SerialExecutor&) = delete;
  SerialExecutor& operator=(const SerialExecutor&) = delete;
  // Drops work that has not started.
  ~SerialExecutor();

  void run(Work work);
  // Waits until all work is done. run() may be called again afterwards.
  void finish();

 private:
  void start();
  void work();
  void do_next(std::unique_lock<std::mutex>& lock);

  const std::size_t most_;
  std::thread thread_;
  bool is_threadless_ = false;  // if no thread could be started

  std::mutex mutex_;  // guards the following members
  std::condition_variable changed_;
  std::deque<Work> queue_;
  bool is_working_ = false, is_ended_ = false;
  std::exception_ptr failure_;
};

// Buffers that a producer fills and readers release, in turn. Thread-safe.
class BufferRing {
 public:
  using Buffer = std::shared_ptr<std::byte[]>;

  // At most `count` buffers of `size` bytes, allocated on first use.
  BufferRing(std::size_t count, std::size_t size);
  // Waits for a free buffer.
  Buffer take();

 private:
  struct State;
  std::shared_ptr<State> state_;  // buffers may outlive the ring
};

}  // namespace layoutfs
