// Commands of `layoutfs blob` in files of their own.
#pragma once

#include "tools/cli/command_line.h"

namespace layoutfs::tools {

void add_blob_put_command(Command blob, int& exit_code);
void add_blob_get_command(Command blob, int& exit_code);

}  // namespace layoutfs::tools
