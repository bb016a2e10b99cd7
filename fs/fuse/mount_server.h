// The process that serves a mount, as others see it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "core/base/file.h"

namespace layoutfs {

class MountServer {
 public:
  // Asks the mount itself (kStatisticsXattr), for a second at most. Nothing where it does not answer, may not
  // be asked, or is served from another pid namespace. Single-threaded programs only: forks.
  static std::optional<MountServer> of(const std::string& mount_point);
  // Until the process has ended, but no longer than that.
  void await_end(std::chrono::milliseconds patience) const;

 private:
  explicit MountServer(UniqueFd process) : process_(std::move(process)) {}
  UniqueFd process_;  // a pidfd
};

}  // namespace layoutfs
