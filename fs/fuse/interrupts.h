// Requests that end early because the process that made them was killed (fuse(4), FUSE_INTERRUPT).
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>

#include "layoutfs/context.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

namespace layoutfs {

// The kernel interrupts a request when any signal is pending, once, and then waits for the answer. Programs
// do not expect that a signal which they handle makes stat(2), or a page fault, of an ordinary file fail, and
// other file systems do not do that either: so a request goes on until the process that made it is being
// killed. Thread-safe.
class Interrupts {
 public:
  Interrupts() = default;
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // A request while its answer is worked out; ends before the answer is given.
  class Request {
   public:
    // `thread` makes the request; 0 if it is unknown, and then the request does not end early.
    Request(Interrupts& interrupts, fuse_req_t request, pid_t thread);
    ~Request();
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    // Is asked to stop when the process is being killed.
    Context context() const { return {.stop = stop_.get_token(), .deadline = {}}; }

   private:
    friend class Interrupts;
    Interrupts& interrupts_;
    const fuse_req_t request_;
    const pid_t thread_;
    std::stop_source stop_;
    bool is_watched_ = false;  // written under the lock that libfuse has for the request
  };

 private:
  void watch(Request& request) noexcept;
  void run(const std::stop_token& stop);

  std::mutex mutex_;  // taken after the lock that libfuse has for a request
  std::condition_variable_any changed_;
  std::list<Request*> watched_;  // interrupted ones
  std::jthread watcher_;         // starts with the first one
};

}  // namespace layoutfs
