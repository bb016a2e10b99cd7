// Candidates for the completion of shells that an image contains: its files, its programs, its platforms.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/image_arguments.h"

namespace layoutfs::tools {

// All of these return nothing if there is no such image, or if it is not indexed: indexing is left to other
// commands, unless the layers have at most 64 MiB and it takes at most a second.

// Returns the paths that begin with `begun`, which may be absolute or not, up to the next '/'. A directory,
// or a link to one, ends with '/'.
std::vector<std::string> paths_in_image(const ImageArguments& arguments, std::string_view begun);
// Returns the names of the executable files in the directories of the image's PATH.
std::vector<std::string> programs_in_image(const ImageArguments& arguments);

// Returns the platforms of the image, or of all images of a layout if `arguments` does not choose one of
// several. Reads only indexes and configs.
std::vector<std::string> platforms_of_image(const ImageArguments& arguments);

}  // namespace layoutfs::tools
