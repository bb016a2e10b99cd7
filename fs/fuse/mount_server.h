// The process that serves a mount, seen from another process.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "core/base/file.h"

namespace layoutfs {

// Returns the answer of a mount to kStatisticsXattr, with a timeout of one second; "" if the server has ended
// or hangs, or access is denied. Single-threaded programs only: forks.
std::string ask_for_statistics(const std::string& mount_point);

class MountServer {
 public:
  // Asks the mount itself, as ask_for_statistics(). Returns nullopt if it does not answer, access is denied,
  // or it is served from another pid namespace. Single-threaded programs only: forks.
  static std::optional<MountServer> of(const std::string& mount_point);
  // Waits until the process has ended, at most this time.
  void await_end(std::chrono::milliseconds patience) const;

 private:
  explicit MountServer(UniqueFd process) : process_(std::move(process)) {}
  UniqueFd process_;  // a pidfd
};

}  // namespace layoutfs
