// Ends requests early if their process was killed (fuse(4), FUSE_INTERRUPT).
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

// The kernel interrupts a request once, when any signal is pending, and then waits for the answer. Programs
// do not expect that a signal they handle makes stat(2) or a page fault on a file fail, and other file
// systems do not do this either. So a request continues unless its process is being killed. Thread-safe.
class Interrupts {
 public:
  Interrupts() = default;
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // A request while its answer is computed; destroyed before the answer is sent.
  class Request {
   public:
    // `thread` is the calling thread; 0 if unknown: the request then never ends early.
    Request(Interrupts& interrupts, fuse_req_t request, pid_t thread);
    ~Request();
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    // Returns a context that ends if the process is being killed.
    Context context() const { return {.stop = stop_.get_token(), .deadline = {}}; }

   private:
    friend class Interrupts;
    Interrupts& interrupts_;
    const fuse_req_t request_;
    const pid_t thread_;
    std::stop_source stop_;
    bool is_watched_ = false;  // guarded by libfuse's lock of the request
  };

 private:
  void watch(Request& request) noexcept;
  void run(const std::stop_token& stop);

  std::mutex mutex_;  // taken after libfuse's lock of a request
  std::condition_variable_any changed_;
  std::list<Request*> watched_;  // interrupted ones
  std::jthread watcher_;         // starts with the first one
};

}  // namespace layoutfs
