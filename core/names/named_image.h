// The rules of named images (layoutfs/image_store.h).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "layoutfs/error.h"
#include "layoutfs/image_store.h"

namespace layoutfs {

// Returns `image` as stored, without empty labels. Errc::invalid_argument if the name is invalid, if a label
// is too long, if the target has no digest, size or media type, or if text is not UTF-8.
Result<NamedImage> checked(NamedImage image);

// Returns `stored` with the fields of `image` in `field_paths`, or all fields if it is empty: `labels`,
// `labels.KEY`, `annotations` and `annotations.KEY` (of the target), and `target`, applied in this order. A
// key that `image` lacks is removed; KEY is everything after the first dot. Errc::invalid_argument if a path
// is unknown, or as in checked().
Result<NamedImage> merged(const NamedImage& stored, NamedImage image,
                          std::span<const std::string> field_paths);

// Returns a field for a filter (filter.h): name, target.digest, target.mediatype, labels.KEY or
// annotations.KEY; a key may contain dots.
std::optional<std::string> field_of(const NamedImage& image, std::span<const std::string> path);

}  // namespace layoutfs
