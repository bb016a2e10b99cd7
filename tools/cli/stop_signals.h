// SIGINT, SIGTERM and SIGHUP as a request to stop, for commands that tidy up before they end.
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

// As long as one of these lives, the first of the signals requests a stop and the second one ends the program
// at once. A signal that is ignored, as under nohup(1), stays ignored. Nobody reading what is printed is no
// reason to end before tidying up either: SIGPIPE is ignored, and writing fails with EPIPE.
class StopSignals {
 public:
  // No other thread may run yet: those that are started later leave the signals to this one.
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  Context context() const { return {source_.get_token(), {}}; }
  // Polls readable from the request on, for those who wait for input; -1 where the system had none to give.
  int fd() const noexcept { return requested_.fd(); }
  // What to say around the reason for which a command ended.
  struct Frame {
    std::string_view before, after;
  };
  // As report_write(); what ended because of a signal is one line, and 128 and the signal's number.
  int report_write(const Error& error, const Frame& frame = {}) const;
  // As report().
  int report(const Error& error, const Frame& frame = {}) const;

 private:
  void watch();
  // Nothing to wait for where no signal came.
  bool was_stopped_by_signal(const Error& error) const;
  int report_as(int code, const Error& error, const Frame& frame) const;

  sigset_t signals_;
  sigset_t mask_before_;
  struct sigaction pipe_before_{};
  UniqueFd arrived_;  // a signalfd
  EventFd requested_;
  EventFd over_;  // tells the thread to end
  std::atomic<int> signal_{0};
  std::stop_source source_;
  std::thread watcher_;  // last: uses all of the above
};

}  // namespace layoutfs::tools
