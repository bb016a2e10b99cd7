// The process that serves a mount, seen from another process.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "core/base/file.h"
#include "fs/fuse/apart.h"

namespace layoutfs {

// Returns the answer of a mount to kStatisticsXattr, as ask_apart() does; no text if the server has ended or
// hangs, or access is denied. Single-threaded programs only: forks.
AnswerApart ask_for_statistics(const std::string& mount_point);

class MountServer {
 public:
  // The server that gave this answer to ask_for_statistics(). Returns nullopt if there is none, or it is in
  // another pid namespace.
  static std::optional<MountServer> of(const AnswerApart& statistics);
  // Waits until the process has ended, at most this time.
  void await_end(std::chrono::milliseconds patience) const;

 private:
  explicit MountServer(UniqueFd process) : process_(std::move(process)) {}
  UniqueFd process_;  // a pidfd
};

}  // namespace layoutfs
