// The commands below `layoutfs blob` that have a file of their own.
#pragma once

#include <CLI/CLI.hpp>

namespace layoutfs::tools {

void add_blob_put_command(CLI::App& blob, int& exit_code);
void add_blob_get_command(CLI::App& blob, int& exit_code);

}  // namespace layoutfs::tools
