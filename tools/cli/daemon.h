// Leaving the terminal.
#pragma once

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// Where this process stands after Daemon::start.
class Daemon {
 public:
  // Forks; no thread may run yet. Returns in the child. The parent never returns: it waits for the child's
  // ready() and exits 0, or, where the child ends before that, with the child's exit code.
  static Result<Daemon> start();
  // Lets the parent go, and stdin, stdout, stderr and the working directory too; the log goes to syslog from
  // now on.
  void ready();

 private:
  explicit Daemon(UniqueFd parent) : parent_(std::move(parent)) {}
  UniqueFd parent_;  // the end of a pipe: a byte says that all is well
};

}  // namespace layoutfs::tools
