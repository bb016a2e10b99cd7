#include "core/base/release_queue.h"

#include <exception>
#include <utility>

namespace layoutfs {

ReleaseQueue::~ReleaseQueue() {
  std::thread thread;
  {
    auto state = state_.lock();
    state->is_ending = true;
    thread.swap(state->thread);
  }
  added_.notify_all();
  if (thread.joinable()) thread.join();
  // The lock is released at the end of this statement: the work may add more, and wait.
  Work rest = std::exchange(state_.lock()->waiting, {});
  do_all(std::move(rest));
}

void ReleaseQueue::add(Work work) noexcept {
  if (work.empty()) return;
  auto state = state_.lock();
  state->waiting.splice(state->waiting.end(), work);
  if (!state->thread.joinable() && !state->is_ending) {
    try {
      state->thread = std::thread([this] { run(); });
    } catch (const std::exception&) {
      // The next call tries again, and the destructor runs the remaining work.
    }
  }
  added_.notify_one();
}

void ReleaseQueue::run() noexcept {
  for (;;) {
    Work work;
    {
      auto state = state_.lock();
      added_.wait(state.lock(), [&] { return state->is_ending || !state->waiting.empty(); });
      if (state->waiting.empty()) return;
      work.swap(state->waiting);
    }
    do_all(std::move(work));
  }
}

void ReleaseQueue::do_all(Work work) noexcept {
  for (; !work.empty(); work.pop_front()) {
    try {
      work.front()();
    } catch (const std::exception&) {
      // Its captures are destroyed in any case.
    }
  }
}

}  // namespace layoutfs
