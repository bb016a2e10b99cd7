// Which images a layout has.
#pragma once

#include <vector>

#include "core/oci/layout_graph.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

struct ImageSet {
  struct Image {
    Descriptor manifest;
    std::vector<Descriptor> layers;  // from the base up
  };
  std::vector<Image> images;    // each once
  std::vector<Error> problems;  // documents that may lead to more images, and cannot be read or understood

  // Of all images, each once.
  std::vector<Descriptor> layers() const;
};

// Everything that the references lead to and that a mount shows a root filesystem of; attestations are none.
// A manifest that an index names and that is missing is no problem: an index need not have all of its
// platforms. Fails only where the references cannot be read, or with
// Errc::cancelled.
Result<ImageSet> all_images(const LayoutGraph& graph, const Context& context = {});
Result<ImageSet> all_images(const LayoutReader& reader, const Context& context = {});

// One image. Errors are those of read_image_manifest.
Result<ImageSet> one_image(const LayoutReader& reader, const Descriptor& manifest);

}  // namespace layoutfs
