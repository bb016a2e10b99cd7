// A few threads for work that nobody waits for.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/guarded.h"

namespace layoutfs {

// Threads start when there is work for them, so that a program may fork before. Thread-safe.
class WorkerPool {
 public:
  using Task = std::move_only_function<void()>;

  WorkerPool(std::size_t most_threads, std::size_t most_waiting);
  // Ends what was posted as `drop` does.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Has `task`, which must not throw, run some time. False, and it never runs, where as many wait already as
  // may, where no thread can be had, and while `owner` is dropped.
  bool post(const void* owner, Task task);
  // Forgets the tasks of `owner` that have not begun and waits for those that have. Not from within a task.
  void drop(const void* owner);
  std::size_t thread_count();

 private:
  struct Job {
    const void* owner;
    Task task;
  };
  struct State {
    std::deque<Job> waiting;
    std::vector<const void*> running;  // whose tasks run right now
    std::vector<const void*> dropped;  // who waits for those
    std::vector<std::thread> threads;
    std::size_t idle = 0;  // threads that wait for work
    bool is_ending = false;
  };

  void run();
  // Waits for work; nothing once the pool ends.
  std::optional<Job> take();
  void finish(const void* owner);

  const std::size_t most_threads_, most_waiting_;
  Guarded<State> state_;
  std::condition_variable posted_, done_;
};

}  // namespace layoutfs
