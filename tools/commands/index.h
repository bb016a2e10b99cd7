// What the commands below `layoutfs index` share.
#pragma once

#include "core/image/image_set.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"

namespace layoutfs::tools {

void add_index_build_command(Command index, int& exit_code);
void add_index_verify_command(Command index, int& exit_code);
void add_index_ls_command(Command index, int& exit_code);
void add_index_rm_command(Command index, int& exit_code);

// The version of what --json prints.
inline constexpr std::int64_t kIndexJsonVersion = 1;

// LAYOUT[:REF|@DIGEST], and the options of ImageArguments.
void add_image_options(Command command, ImageArguments& arguments);

// What a command is about: one image where a reference was given, else all that the layout leads to.
struct IndexScope {
  OpenLayout layout;
  ImageSet images;
};
Result<IndexScope> open_scope(const ImageArguments& arguments);

// A line for each document that was to be searched for images and cannot be; the exit code of the first.
int report_problems(const IndexScope& scope);

}  // namespace layoutfs::tools
