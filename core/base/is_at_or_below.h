// The place of one path in relation to another.
#pragma once

#include <string_view>

namespace layoutfs {

// Returns whether `path` is `directory`, or a path below it. Compares text: both are written in the same way,
// without a '/' at the end. Everything is below an empty path.
inline bool is_at_or_below(std::string_view path, std::string_view directory) noexcept {
  if (directory.empty()) return true;
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace layoutfs
