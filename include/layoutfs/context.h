// When long work has to end before it is done.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "layoutfs/error.h"

namespace layoutfs {

// Cheap to copy. Long work asks check() between two blocks of I/O.
struct Context {
  std::stop_token stop;
  std::optional<std::chrono::steady_clock::time_point> deadline;

  // False if check() can never fail.
  bool can_end() const noexcept { return stop.stop_possible() || deadline; }
  // Errc::cancelled after a request to stop, or after the deadline.
  Status check() const {
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped on request");
    if (deadline && std::chrono::steady_clock::now() >= *deadline)
      return fail(Errc::cancelled, "not done in time");
    return {};
  }
};

}  // namespace layoutfs
