// The output of `inspect` for an image.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tools/cli/command.h"
#include "tools/commands/image_summary.h"

namespace layoutfs::tools {

// Returns the document of --json, without a final newline. `add_members` adds members at the end; it may be
// null.
std::string image_json(const ImageSummary& image, const Surroundings& around,
                       const std::function<void(JsonWriter&)>& add_members);
// Prints the image for people. With `is_whole`, digests and commands in the table of layers are not
// shortened.
void print_image_text(const ImageSummary& image, const Surroundings& around, bool is_whole, Output& output);

}  // namespace layoutfs::tools
