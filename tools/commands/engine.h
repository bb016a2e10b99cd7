// `layoutfs engine`: the setup of container engines that run images from layouts.
#pragma once

#include "tools/cli/command.h"

namespace layoutfs::tools {

void add_engine_podman_command(Command engine, int& exit_code);

}  // namespace layoutfs::tools
