// Commands that the setup runs or prints.
#pragma once

#include <string>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// Returns the words as one line for a shell.
std::string shell_line(const std::vector<std::string>& words);

// Runs a program, which is found by PATH, and waits for its end. Its standard output goes to stderr. Errc::io
// if it cannot be started; Errc::mount_failed if it fails, after what it has printed itself.
Status run_command(const std::vector<std::string>& words);

}  // namespace layoutfs::tools
