// The rules of named images (layoutfs/image_store.h).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "layoutfs/error.h"
#include "layoutfs/image_store.h"

namespace layoutfs {

// `image` as it is kept, labels without a value left out. Errc::invalid_argument for such a name, a label
// that is too long, a target without a digest, a size or a media type, and for text that is not UTF-8.
Result<NamedImage> checked(NamedImage image);

// `stored` with the fields of `image` that `field_paths` name: `labels`, `labels.KEY`, `annotations` and
// `annotations.KEY` (those of the target) and `target`, in this order where several are the same; all of them
// where there are none. A key that `image` has not is removed; everything behind the first dot is the key.
// Errc::invalid_argument for another path, and as checked().
Result<NamedImage> merged(const NamedImage& stored, NamedImage image,
                          std::span<const std::string> field_paths);

// What a filter (filter.h) sees of it: name, target.digest, target.mediatype, labels.KEY, annotations.KEY,
// where a key may have dots.
std::optional<std::string> field_of(const NamedImage& image, std::span<const std::string> path);

}  // namespace layoutfs
