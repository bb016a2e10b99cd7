// Common code of the commands of `layoutfs index`.
#pragma once

#include "core/image/image_set.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"

namespace layoutfs::tools {

void add_index_build_command(Command index, int& exit_code);
void add_index_verify_command(Command index, int& exit_code);
void add_index_ls_command(Command index, int& exit_code);
void add_index_rm_command(Command index, int& exit_code);

// The version of the output of --json.
inline constexpr std::int64_t kIndexJsonVersion = 1;

// The images of a command: one if a reference was given, else all images of the layout.
struct IndexScope {
  OpenLayout layout;
  ImageSet images;
};
Result<IndexScope> open_scope(const ImageArguments& arguments);

// Prints an error for each document that cannot be searched for images. Returns the exit code of the first.
int report_problems(const IndexScope& scope);

}  // namespace layoutfs::tools
