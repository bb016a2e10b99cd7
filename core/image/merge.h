// Applies the layers of an image on top of each other, with the result of unpacking them in order (image-spec
// layer.md).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "core/layer/layer_index.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

class MergeTree;

enum class Whiteouts {
  apply,  // the root filesystem of an image
  show,   // a single layer: whiteouts are entries like others
};

// The work of a merge in steps (core/layer/limits.h).
struct MergeCost {
  std::uint64_t steps = 0;
};

// Returns the content of the tree file of `image` (the digest of a manifest, or of a layer with
// Whiteouts::show) for ImageTree::open. `layers` are from the base to the top. Entries that cannot be applied
// (a hard link without a target, a parent that is a file, a loop of symlinks) are left out and listed in the
// tree's problems. With Whiteouts::apply, no path has a component that starts with ".wh.": such entries
// delete the named file, or nothing. Hard links of the same layer may still refer to their content. Cost: see
// core/layer/limits.h; sets `cost`, if given, also on failure.
// Errc::unsupported if the layers exceed `limits`, or another bound of core/layer/limits.h.
Result<Bytes> merge_layers(const Digest& image, std::span<const std::shared_ptr<const LayerIndex>> layers,
                           Whiteouts whiteouts = Whiteouts::apply, const MergeLimits& limits = {},
                           MergeCost* cost = nullptr);

// Applies the layers in the same way, and calls `use` with the tree and the losses (MergeTree::losses())
// instead of writing it. The tree is valid during the call. Errors are those of merge_layers().
Status with_merged_layers(std::span<const std::shared_ptr<const LayerIndex>> layers,
                          const std::function<Status(const MergeTree&)>& use, const MergeLimits& limits = {});

}  // namespace layoutfs
