// Entries of the layers of an image that could not be applied (ImageTree::problems()).
#pragma once

#include <string>

#include "layoutfs/error.h"

namespace layoutfs {
class Image;
}  // namespace layoutfs

namespace layoutfs::tools {

// For a command that refuses such an image. Errc::corrupt, naming the first entry, if there are any.
Status check_complete(const Image& image);

// For a command that shows or writes everything else: prints an error line for each of the entries. Returns
// the error that the command must end with, after its output: Errc::corrupt if there are any. `place` is the
// layout or the image, and precedes each sentence.
Status print_problems(const Image& image, const std::string& place);

}  // namespace layoutfs::tools
