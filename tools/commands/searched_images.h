// The images that `find`, `grep` and `history` read: one, or all of a layout.
#pragma once

#include <string>
#include <vector>

#include "core/image/image_library.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"
#include "tools/cli/image_arguments.h"

namespace layoutfs::tools {

struct SearchedImage {
  std::string name;  // of its first reference, as in `ls`; of an image in an index "NAME[OS/ARCH]"
  Descriptor manifest;
};

// Returns its name_of_image(), for messages.
std::string place_of(const OpenLayout& layout, const SearchedImage& image);

struct SearchedImages {
  std::vector<SearchedImage> images;  // each manifest once; in the order of the references
  std::vector<Error> problems;        // documents that cannot be read and may lead to more images
};

// Returns the image of the reference, or of the platform that `arguments` name, with its reference as the
// name; without both, all images of the layout (all_images()). Errc::not_found if the layout has none.
// Other errors are those of find_manifest() and all_images().
Result<SearchedImages> searched_images(const OpenLayout& layout, const ImageArguments& arguments,
                                       const LayoutGraph& graph, const Context& context);

// Indexes the layers of several images on all cores, each once. An error is reported when its image is
// opened.
void index_layers(ImageLibrary& library, const SearchedImages& images, const Context& context);

}  // namespace layoutfs::tools
