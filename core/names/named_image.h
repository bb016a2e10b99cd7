// An image by name, as containerd knows it (core/images): a name, labels, and the descriptor that it stands
// for.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/cas/descriptor.h"

namespace layoutfs {

struct NamedImage {
  std::string name;
  Annotations labels;
  Descriptor target;  // of a manifest or an index
  std::chrono::system_clock::time_point created_at{}, updated_at{};
  friend bool operator==(const NamedImage&, const NamedImage&) = default;
};
using NamedImages = std::map<std::string, NamedImage, std::less<>>;

// In bytes; a label's are those of its key and its value.
inline constexpr std::size_t kMaxImageNameLength = 4096;
inline constexpr std::size_t kMaxLabelLength = 4096;

// Errc::invalid_argument: empty, too long, not UTF-8, or with control characters.
Status check_image_name(std::string_view name);

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
