// Wakes a thread that waits in poll(2).
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <tuple>

#include "core/base/file.h"

namespace layoutfs {

// Any thread or a signal handler can raise it. It polls readable until it is lowered.
class EventFd {
 public:
  EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  // Returns -1, which poll(2) ignores, if the system had no descriptor left.
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
