// What wakes a thread that waits in poll(2).
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <tuple>

#include "core/base/file.h"

namespace layoutfs {

// Raised by any thread, or by a signal handler; polls readable from then on until it is lowered.
class EventFd {
 public:
  EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  // -1, which poll(2) passes over, where the system had no descriptor to give.
  int fd() const noexcept { return fd_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  void raise() const noexcept {
    const std::uint64_t one = 1;
    std::ignore = ::write(fd_.get(), &one, sizeof one);
  }
  void lower() const noexcept {
    std::uint64_t count = 0;
    std::ignore = ::read(fd_.get(), &count, sizeof count);
  }

 private:
  UniqueFd fd_;
};

}  // namespace layoutfs
