// The help of a command, as --help prints it.
#pragma once

#include <string>

#include "tools/cli/command_line.h"

namespace layoutfs::tools {

// Returns the usage lines: "usage: layoutfs mount [OPTIONS] LAYOUT[:REF|@DIGEST] MOUNTPOINT", without the
// last newline.
std::string usage_of(const CommandDescription& command);

// Returns the usage, the description, the operands that need one, commands and options by groups, and the
// examples; in lines of at most 80 columns, unless a word is longer.
std::string help_of(const CommandDescription& command);

}  // namespace layoutfs::tools
