// Threads that take tasks from one queue.
#include "core/base/worker_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace layoutfs {

WorkerPool::WorkerPool(std::size_t most_threads, std::size_t most_waiting)
    : most_threads_(most_threads), most_waiting_(most_waiting) {}

WorkerPool::~WorkerPool() {
  std::deque<Job> forgotten;
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
  auto state = state_.lock();
  if (state->is_ending || state->waiting.size() >= most_waiting_) return false;
  if (std::ranges::find(state->dropped, owner) != state->dropped.end()) return false;
  if (state->idle <= state->waiting.size() && state->threads.size() < most_threads_) {
    try {
      state->threads.emplace_back([this] { run(); });
    } catch (const std::system_error&) {
      if (state->threads.empty()) return false;
    }
  }
  state->waiting.push_back({owner, std::move(task)});
  posted_.notify_one();
  return true;
}

void WorkerPool::drop(const void* owner) {
  std::vector<Job> forgotten;  // ends after the lock does
  auto state = state_.lock();
  std::deque<Job> others;
  for (Job& job : state->waiting)
    if (job.owner == owner)
      forgotten.push_back(std::move(job));
    else
      others.push_back(std::move(job));
  state->waiting.swap(others);
  state->dropped.push_back(owner);
  done_.wait(state.lock(), [&] { return std::ranges::find(state->running, owner) == state->running.end(); });
  state->dropped.erase(std::ranges::find(state->dropped, owner));
}

std::size_t WorkerPool::thread_count() { return state_.lock()->threads.size(); }

void WorkerPool::run() {
  while (auto job = take()) {
    job->task();
    job->task = nullptr;  // what it holds ends before `drop` returns
    finish(job->owner);
  }
}

std::optional<WorkerPool::Job> WorkerPool::take() {
  auto state = state_.lock();
  ++state->idle;
  posted_.wait(state.lock(), [&] { return state->is_ending || !state->waiting.empty(); });
  --state->idle;
  if (state->is_ending) return std::nullopt;
  Job job = std::move(state->waiting.front());
  state->waiting.pop_front();
  state->running.push_back(job.owner);
  return job;
}

void WorkerPool::finish(const void* owner) {
  auto state = state_.lock();
  state->running.erase(std::ranges::find(state->running, owner));
  done_.notify_all();
}

}  // namespace layoutfs
