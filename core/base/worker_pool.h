// A few threads for background work.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <thread>
#include <vector>

#include "core/base/lock_order.h"

namespace layoutfs {

// Threads start when there is work for them, so a program may fork before. Tasks hold LockLevel::background.
// Thread-safe.
class WorkerPool {
 public:
  using Task = std::move_only_function<void()>;

  WorkerPool(std::size_t most_threads, std::size_t most_waiting);
  // Drops queued tasks and waits for running ones.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Queues `task`; an exception ends only this task. Returns false, and never runs the task, if the queue is
  // full, if no thread can be started, or while `owner` is being dropped. If it throws std::bad_alloc,
  // nothing has changed.
  bool post(const void* owner, Task task);
  // Removes the queued tasks of `owner` and waits for its running ones. Does not allocate. The caller must
  // not hold anything that tasks wait for (LockLevel::background), so do not call it from a task.
  void drop(const void* owner) noexcept;
  std::size_t thread_count();
  // For tests. Returns whether no task is queued or running.
  bool is_idle();

 private:
  struct Job {
    const void* owner;
    Task task;
  };
  using Jobs = std::list<Job>;
  // A caller of drop() while it waits.
  struct Drop {
    const void* owner;
    Drop* next;
  };
  struct State {
    Jobs waiting;
    std::vector<const void*> running;  // owners of running tasks; has room for one per thread
    Drop* drops = nullptr;
    std::vector<std::thread> threads;
    std::size_t idle = 0;  // threads waiting for work
    bool is_ending = false;
  };

  void run() noexcept;
  // Waits for work. Returns an empty list if the pool ends.
  Jobs take() noexcept;
  void finish(const void* owner) noexcept;

  const std::size_t most_threads_, most_waiting_;
  OrderedGuarded<State, LockLevel::tasks> state_;
  std::condition_variable posted_, done_;
};

}  // namespace layoutfs
