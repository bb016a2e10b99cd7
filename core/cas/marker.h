// The file `oci-layout`, which says that a directory is an image layout, and of which version.
#pragma once

#include <string>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct ImageLayout {
  std::string version;  // imageLayoutVersion

  // Errc::invalid_image where it is broken, without a version, or of another version than 1.x.
  static Result<ImageLayout> parse(ByteView text);
  // The file's content, with a newline.
  std::string json() const;
};
inline constexpr std::size_t kMarkerLimit = std::size_t{64} << 10;  // bytes that are read of it

}  // namespace layoutfs
