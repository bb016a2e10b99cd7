// Applies the layers of an image over each other, as unpacking them in order does (image-spec layer.md).
#pragma once

#include <memory>
#include <span>

#include "core/base/bytes.h"
#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/layer/layer_index.h"

namespace layoutfs {

enum class Whiteouts {
  apply,  // an image's root filesystem
  show,   // one layer alone: whiteouts are the entries that they are
};

// `layers` from the base up. Returns the content of the tree file of `image` (a manifest's digest, or a
// layer's with Whiteouts::show), for ImageTree::open. Entries that cannot be applied (a hard link to nothing,
// a parent that is a file, a loop of symlinks) are left out and noted among the tree's problems.
// With Whiteouts::apply, nothing is there by a name that begins with ".wh.", nor below one: such entries
// delete what they name, or nothing. Only hard links of the same layer may still name their content.
// Errc::unsupported where the tables would outgrow the 2 GiB of a FlatBuffer.
Result<Bytes> merge_layers(const Digest& image, std::span<const std::shared_ptr<const LayerIndex>> layers,
                           Whiteouts whiteouts = Whiteouts::apply);

}  // namespace layoutfs
