// Commands of `layoutfs ref` in files of their own.
#pragma once

#include "tools/cli/command_line.h"

namespace layoutfs::tools {

void add_ref_put_command(Command ref, int& exit_code);

}  // namespace layoutfs::tools
