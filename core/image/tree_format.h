// What the writer and the reader of image_tree.fbs have to agree on beyond the schema.
#pragma once

#include <cstdint>

namespace layoutfs {

// Grows with every change of the schema, of what its fields mean, or of what merging makes of the same
// layers.
inline constexpr std::uint32_t kImageTreeVersion = 3;

}  // namespace layoutfs
