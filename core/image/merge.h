// Applies the layers of an image over each other, as unpacking them in order does (image-spec layer.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/layer/layer_index.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

enum class Whiteouts {
  apply,  // an image's root filesystem
  show,   // one layer alone: whiteouts are the entries that they are
};

// The work of a merge, in the steps of core/layer/limits.h.
struct MergeCost {
  std::uint64_t steps = 0;
};

// Returns the content of the tree file of `image` (a manifest's digest, or a layer's with Whiteouts::show)
// for ImageTree::open. `layers` are from the base up. Entries that cannot be applied (a hard link to nothing,
// a parent that is a file, a loop of symlinks) are left out and noted among the tree's problems. With
// Whiteouts::apply, no file has a name that begins with ".wh.", nor lies below one: such entries delete what
// they name, or nothing. Only hard links of the same layer may still name their content. Sets `cost`, if
// given, also on failure. Errc::unsupported if the layers go beyond `limits`, or another bound of
// core/layer/limits.h.
Result<Bytes> merge_layers(const Digest& image, std::span<const std::shared_ptr<const LayerIndex>> layers,
                           Whiteouts whiteouts = Whiteouts::apply, const MergeLimits& limits = {},
                           MergeCost* cost = nullptr);

}  // namespace layoutfs
