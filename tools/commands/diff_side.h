// An operand of `layoutfs diff`: an image, or a single layer of a layout.
#pragma once

#include <memory>
#include <string>

#include "core/explain/tree_differences.h"
#include "core/image/image_library.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"
#include "tools/cli/image_arguments.h"

namespace layoutfs::tools {

struct DiffSide {
  std::string name;  // as given
  OpenLayout layout;
  Descriptor target;      // the manifest of the image, or the layer
  bool is_layer = false;  // if a digest names a layer of an image of the layout
  std::shared_ptr<ImageLibrary> library;
  ImagePtr image;
  std::vector<Digest> streams;  // of the layers, as ComparedTree::streams

  ComparedTree tree() const {
    return {image->tree(), streams, is_layer ? Whiteouts::show : Whiteouts::apply};
  }
};

// Opens the operand that `arguments` name. Builds missing indexes. If `other` is a side of the same layout,
// both share open layers. Errors are those of find_manifest() and ImageLibrary::image(), and name the layout.
Result<DiffSide> open_diff_side(const ImageArguments& arguments, const DiffSide* other,
                                const std::shared_ptr<const LibraryResources>& resources);

}  // namespace layoutfs::tools
