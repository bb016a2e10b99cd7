// Common code of the commands of `layoutfs image`.
#pragma once

#include <string>
#include <utility>

#include "layoutfs/error.h"
#include "tools/cli/command_line.h"

namespace layoutfs::tools {

void add_image_tag_command(Command image, int& exit_code);
void add_image_label_command(Command image, int& exit_code);

// Splits "KEY=VALUE"; the value may be empty. Errc::invalid_argument without '=' or without a key.
Result<std::pair<std::string, std::string>> parse_label(const std::string& text);

}  // namespace layoutfs::tools
