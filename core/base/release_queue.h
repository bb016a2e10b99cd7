// Releases objects on a thread that holds no lock, permit or other claim (lock_order.h).
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <thread>

#include "core/base/guarded.h"

namespace layoutfs {

// For objects whose destructors wait for other threads, if their last owner is a thread that must not wait.
// The thread starts on first use, so a program may fork before. Thread-safe.
class ReleaseQueue {
 public:
  // The caller allocates the work, so that add() cannot fail. Its captures are destroyed on the queue's
  // thread after it has run. Exceptions end only the work that throws.
  using Work = std::list<std::move_only_function<void()>>;

  ReleaseQueue() = default;
  ReleaseQueue(const ReleaseQueue&) = delete;
  ReleaseQueue& operator=(const ReleaseQueue&) = delete;
  // Runs the remaining work.
  ~ReleaseQueue();

  // Returns immediately; the work runs later, in order.
  void add(Work work) noexcept;

 private:
  struct State {
    Work waiting;
    std::thread thread;  // not joinable before the first work, or if no thread could be started
    bool is_ending = false;
  };

  void run() noexcept;
  static void do_all(Work work) noexcept;

  Guarded<State> state_;
  std::condition_variable added_;
};

}  // namespace layoutfs
