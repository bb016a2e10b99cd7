// Cancellation and deadlines of long operations.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "layoutfs/error.h"

namespace layoutfs {

// Cheap to copy. Long operations call check() between two blocks of I/O.
struct Context {
  std::stop_token stop;
  std::optional<std::chrono::steady_clock::time_point> deadline;

  // Returns false if check() can never fail.
  bool can_end() const noexcept { return stop.stop_possible() || deadline; }
  // Errc::cancelled if a stop was requested, or if the deadline has passed.
  Status check() const {
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped on request");
    if (deadline && std::chrono::steady_clock::now() >= *deadline)
      return fail(Errc::cancelled, "not done in time");
    return {};
  }
};

}  // namespace layoutfs
