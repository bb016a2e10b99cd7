// SIGINT, SIGTERM and SIGHUP as a request to stop, for commands that clean up before they end.
#pragma once

#include <signal.h>

#include <atomic>
#include <stop_token>
#include <string_view>
#include <thread>

#include "core/base/event_fd.h"
#include "core/base/file.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// While this exists, the first signal requests a stop, and the second one ends the program at once. A signal
// that was ignored before, for example by nohup(1), stays ignored. SIGPIPE is ignored, so that a command
// cleans up even if the reader of its output is gone; writes fail with EPIPE.
class StopSignals {
 public:
  // Call it before any other thread starts: threads inherit the blocked signals.
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  Context context() const { return {source_.get_token(), {}}; }
  // Returns a descriptor that polls readable after the request, for code that waits for input; -1 if the
  // system had no descriptor left.
  int fd() const noexcept { return requested_.fd(); }
  // Text around the reason of an error.
  struct Frame {
    std::string_view before, after;
  };
  // As tools::report_write(). If a signal caused the error, prints one line and returns 128 plus the signal's
  // number.
  int report_write(const Error& error, const Frame& frame = {}) const;
  // As above, with the exit codes of tools::report().
  int report(const Error& error, const Frame& frame = {}) const;

 private:
  void watch();
  // Returns whether a signal caused the error.
  bool was_stopped_by_signal(const Error& error) const;
  int report_as(int code, const Error& error, const Frame& frame) const;

  sigset_t signals_;
  sigset_t mask_before_;
  struct sigaction pipe_before_{};
  UniqueFd arrived_;  // a signalfd
  EventFd requested_;
  EventFd over_;  // ends the thread
  std::atomic<int> signal_{0};
  std::stop_source source_;
  std::thread watcher_;  // last member: it uses all others
};

}  // namespace layoutfs::tools
