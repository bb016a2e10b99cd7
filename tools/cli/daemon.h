// Detaching from the terminal.
#pragma once

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// The child process of Daemon::start.
class Daemon {
 public:
  // Forks, before any thread runs. Returns in the child. The parent never returns: it waits for the child and
  // exits with 0 after ready(), or with the child's exit code if the child ends earlier.
  static Result<Daemon> start();
  // Releases the parent, the terminal, the working directory and the standard streams. From now on the log
  // goes to syslog.
  void ready();

 private:
  explicit Daemon(UniqueFd parent) : parent_(std::move(parent)) {}
  UniqueFd parent_;  // write end of a pipe; a byte means success
};

}  // namespace layoutfs::tools
