// Threads that take tasks from one queue. Operations that must not fail (drop, taking a task, the destructor)
// do not allocate: jobs move between lists, and callers of drop() are linked through their stack frames.
#include "core/base/worker_pool.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace layoutfs {

WorkerPool::WorkerPool(std::size_t most_threads, std::size_t most_waiting)
    : most_threads_(most_threads), most_waiting_(most_waiting) {
  auto state = state_.lock();
  state->running.reserve(most_threads);
  state->threads.reserve(most_threads);
}

WorkerPool::~WorkerPool() {
  Jobs forgotten;
  std::vector<std::thread> threads;
  {
    auto state = state_.lock();
    state->is_ending = true;
    forgotten.swap(state->waiting);
    threads.swap(state->threads);
  }
  posted_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

bool WorkerPool::post(const void* owner, Task task) {
  Jobs job;  // destroyed after the lock
  job.push_back({owner, std::move(task)});
  auto state = state_.lock();
  if (state->is_ending || state->waiting.size() >= most_waiting_) return false;
  for (const Drop* drop = state->drops; drop != nullptr; drop = drop->next)
    if (drop->owner == owner) return false;
  if (state->idle <= state->waiting.size() && state->threads.size() < most_threads_) {
    try {
      state->threads.emplace_back([this] { run(); });
    } catch (const std::exception&) {  // no thread or no memory available
      if (state->threads.empty()) return false;
    }
  }
  state->waiting.splice(state->waiting.end(), job);
  posted_.notify_one();
  return true;
}

void WorkerPool::drop(const void* owner) noexcept {
  HeldLevels::check_may_take(LockLevel::background);
  Jobs forgotten;  // destroyed after the lock
  Drop here{owner, nullptr};
  auto state = state_.lock();
  for (auto job = state->waiting.begin(); job != state->waiting.end();) {
    const auto next = std::next(job);
    if (job->owner == owner) forgotten.splice(forgotten.end(), state->waiting, job);
    job = next;
  }
  here.next = std::exchange(state->drops, &here);
  done_.wait(state.lock(), [&] { return std::ranges::find(state->running, owner) == state->running.end(); });
  Drop** link = &state->drops;
  while (*link != &here) link = &(*link)->next;
  *link = here.next;
}

std::size_t WorkerPool::thread_count() { return state_.lock()->threads.size(); }

bool WorkerPool::is_idle() {
  auto state = state_.lock();
  return state->waiting.empty() && state->running.empty();
}

void WorkerPool::run() noexcept {
  for (;;) {
    Jobs job = take();
    if (job.empty()) return;
    const void* const owner = job.front().owner;
    {
      const HoldingLevel holding(LockLevel::background);
      try {
        job.front().task();
      } catch (const std::exception&) {
        // Nobody uses its result.
      }
      job.clear();  // destroys its captures before `drop` returns
    }
    finish(owner);
  }
}

WorkerPool::Jobs WorkerPool::take() noexcept {
  Jobs job;
  auto state = state_.lock();
  ++state->idle;
  posted_.wait(state.lock(), [&] { return state->is_ending || !state->waiting.empty(); });
  --state->idle;
  if (state->is_ending) return job;
  job.splice(job.end(), state->waiting, state->waiting.begin());
  state->running.push_back(job.front().owner);
  return job;
}

void WorkerPool::finish(const void* owner) noexcept {
  auto state = state_.lock();
  state->running.erase(std::ranges::find(state->running, owner));
  done_.notify_all();
}

}  // namespace layoutfs
