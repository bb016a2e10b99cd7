// An image for a command that reads its layers once and in order.
#pragma once

#include <memory>
#include <string>

#include "core/image/image_library.h"
#include "layoutfs/context.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/progress.h"

namespace layoutfs::tools {

struct SequentialImage {
  std::unique_ptr<Progress> indexing;  // the library may call it as long as it lives
  std::unique_ptr<ImageLibrary> library;
  ImagePtr image;
};

// Opens the image of `manifest`, and shows the progress of indexing unless it is hidden. The cache of decoded
// data is small. Errors are those of ImageLibrary::image(), and name the layout.
Result<SequentialImage> open_sequential_image(const OpenLayout& layout, const Descriptor& manifest,
                                              const std::string& cache_dir, bool is_progress_hidden,
                                              const Context& context);

}  // namespace layoutfs::tools
