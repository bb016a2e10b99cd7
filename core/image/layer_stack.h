// The lowest layers of an image as a root filesystem of their own: container engines know the state below
// each layer.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/layer/layer_index.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct LayerStack {
  std::vector<Descriptor> layers;  // from the base to the top
  std::vector<Digest> diff_ids;    // of the image's config, one for each layer
};

// Returns the digest of the list of layers, as the name of the merged tree. Equal layers give equal digests,
// whatever their diff_ids.
Digest digest_of(std::span<const Descriptor> layers);
inline Digest digest_of(const LayerStack& stack) { return digest_of(stack.layers); }

// Check what a config says about the uncompressed layers (image-spec config.md: diff_ids have the order of
// the layers). Errc::corrupt, with the difference.
Status check_diff_id_count(std::size_t diff_ids, std::size_t layers);
// A digest of another algorithm than that of the layer's cannot be compared, and passes.
Status check_diff_id(const LayerFacts& layer, const Digest& diff_id);

}  // namespace layoutfs
