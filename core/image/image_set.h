// The images of a layout.
#pragma once

#include <vector>

#include "core/oci/layout_graph.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

struct ImageSet {
  struct Image {
    Descriptor manifest;
    std::vector<Descriptor> layers;  // from the base to the top
  };
  std::vector<Image> images;    // without duplicates
  std::vector<Error> problems;  // unreadable or invalid documents that may lead to more images

  // Returns the layers of all images, without duplicates.
  std::vector<Descriptor> layers() const;
};

// Returns all images that are reachable from the references and have a root filesystem in a mount, so no
// attestations. A missing manifest of an index is not a problem, since an index need not have all platforms.
// Fails only if the references cannot be read, or with Errc::cancelled.
Result<ImageSet> all_images(const LayoutGraph& graph, const Context& context = {});
Result<ImageSet> all_images(const LayoutReader& reader, const Context& context = {});

// Returns one image. Errors are those of read_image_manifest.
Result<ImageSet> one_image(const LayoutReader& reader, const Descriptor& manifest);

}  // namespace layoutfs
