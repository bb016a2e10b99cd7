// The help of a command, as --help prints it.
#pragma once

#include <string>

#include "tools/cli/command_line.h"

namespace layoutfs::tools {

// Returns the usage lines without the last newline, for example "usage: layoutfs mount [OPTIONS]
// LAYOUT[:REF|@DIGEST] MOUNTPOINT".
std::string usage_of(const CommandDescription& command);

// Returns the usage, the description, the operands that have a description, commands and options by groups,
// and the examples. Lines have at most 80 columns unless a word is longer.
std::string help_of(const CommandDescription& command);

}  // namespace layoutfs::tools
