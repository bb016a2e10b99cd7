// The command below `layoutfs ref` that has a file of its own.
#pragma once

#include <CLI/CLI.hpp>

namespace layoutfs::tools {

void add_ref_put_command(CLI::App& ref, int& exit_code);

}  // namespace layoutfs::tools
