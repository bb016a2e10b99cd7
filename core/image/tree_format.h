// Rules shared by the writer and the reader of image_tree.fbs, beyond the schema.
#pragma once

#include <cstdint>

namespace layoutfs {

// Increment it with each change of the schema, of the meaning of its fields, or of the result of merging.
inline constexpr std::uint32_t kImageTreeVersion = 3;

}  // namespace layoutfs
