// A few threads for work that nobody waits for.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <thread>
#include <vector>

#include "core/base/lock_order.h"

namespace layoutfs {

// Threads start when there is work for them, so that a program may fork before. Tasks hold
// LockLevel::background. Thread-safe.
class WorkerPool {
 public:
  using Task = std::move_only_function<void()>;

  WorkerPool(std::size_t most_threads, std::size_t most_waiting);
  // Ends what was posted as `drop` does.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Has `task` run some time; an exception ends the task alone. Returns false, and the task never runs, if as
  // many wait already as may, if the system has no thread to give, or while `owner` is dropped. Throws
  // std::bad_alloc; nothing has changed then.
  bool post(const void* owner, Task task);
  // Forgets the tasks of `owner` that have not begun and waits for those that have. Allocates nothing. The
  // caller must hold nothing that tasks wait for (LockLevel::background), so not from within a task.
  void drop(const void* owner) noexcept;
  std::size_t thread_count();

 private:
  struct Job {
    const void* owner;
    Task task;
  };
  using Jobs = std::list<Job>;
  // A caller of drop(), while it waits.
  struct Drop {
    const void* owner;
    Drop* next;
  };
  struct State {
    Jobs waiting;
    std::vector<const void*> running;  // the owners of tasks that run; has room for one of each thread
    Drop* drops = nullptr;
    std::vector<std::thread> threads;
    std::size_t idle = 0;  // threads that wait for work
    bool is_ending = false;
  };

  void run() noexcept;
  // Waits for work; empty once the pool ends.
  Jobs take() noexcept;
  void finish(const void* owner) noexcept;

  const std::size_t most_threads_, most_waiting_;
  OrderedGuarded<State, LockLevel::tasks> state_;
  std::condition_variable posted_, done_;
};

}  // namespace layoutfs
