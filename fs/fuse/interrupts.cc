#include "fs/fuse/interrupts.h"

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <sstream>
#include <string>

namespace layoutfs {
namespace {

// Returns whether a signal that ends this thread's process is pending; false if unknown. A signal with a
// default action that ends the process becomes SIGKILL for each of its threads (not documented in signal(7),
// but visible in proc(5), /proc/PID/status).
bool is_being_killed(pid_t thread) {
  constexpr std::uint64_t kKill = std::uint64_t{1} << (SIGKILL - 1);
  std::ifstream status("/proc/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream fields(line);
    std::string name;
    std::uint64_t signals = 0;
    fields >> name;
    if ((name == "SigPnd:" || name == "ShdPnd:") && fields >> std::hex >> signals && (signals & kKill) != 0)
      return true;
  }
  return false;
}

}  // namespace

Interrupts::Request::Request(Interrupts& interrupts, fuse_req_t request, pid_t thread)
    : interrupts_(interrupts), request_(request), thread_(thread) {
  if (thread_ == 0) return;
  // Called immediately if the request was interrupted before.
  fuse_req_interrupt_func(
      request_,
      [](fuse_req_t, void* data) {
        auto& interrupted = *static_cast<Request*>(data);
        interrupted.interrupts_.watch(interrupted);
      },
      this);
}

Interrupts::Request::~Request() {
  if (thread_ == 0) return;
  fuse_req_interrupt_func(request_, nullptr, nullptr);  // waits while the function runs
  if (!is_watched_) return;
  const std::lock_guard lock(interrupts_.mutex_);
  interrupts_.watched_.remove(this);
}

// Called by libfuse, so it must not throw. Without memory or another thread, the request runs to its end.
void Interrupts::watch(Request& request) noexcept try {
  if (is_being_killed(request.thread_)) {
    request.stop_.request_stop();
    return;
  }
  const std::lock_guard lock(mutex_);
  if (!watcher_.joinable()) watcher_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  watched_.push_back(&request);
  request.is_watched_ = true;
  changed_.notify_all();
} catch (const std::exception&) {
}

// The kernel reports only the first signal, which the process may handle.
void Interrupts::run(const std::stop_token& stop) try {
  constexpr std::chrono::milliseconds kInterval{100};
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !watched_.empty(); })) {
    // request_stop() calls nothing that waits for this lock.
    for (Request* const request : watched_)
      if (!request->stop_.stop_requested() && is_being_killed(request->thread_))
        request->stop_.request_stop();
    changed_.wait_for(lock, stop, kInterval, [] { return false; });
  }
} catch (const std::exception&) {
  // Out of memory: requests run to their ends.
}

}  // namespace layoutfs
