// Releases things on a thread that holds no lock, permit or other claim (lock_order.h).
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <thread>

#include "core/base/guarded.h"

namespace layoutfs {

// For owners that are let go of by a thread that must not wait, although their destructors wait for other
// threads. The thread starts when it is first needed, so a program may fork before. Thread-safe.
class ReleaseQueue {
 public:
  // Work is allocated by its caller, so that handing it over cannot fail. What it holds is destroyed after it
  // ran, on the queue's thread. If work throws, it has ended.
  using Work = std::list<std::move_only_function<void()>>;

  ReleaseQueue() = default;
  ReleaseQueue(const ReleaseQueue&) = delete;
  ReleaseQueue& operator=(const ReleaseQueue&) = delete;
  // Runs the rest of the work.
  ~ReleaseQueue();

  // Returns at once; the work is done in order, later.
  void add(Work work) noexcept;

 private:
  struct State {
    Work waiting;
    std::thread thread;  // not joinable until there is work, or if the system has no thread to give
    bool is_ending = false;
  };

  void run() noexcept;
  static void do_all(Work work) noexcept;

  Guarded<State> state_;
  std::condition_variable added_;
};

}  // namespace layoutfs
