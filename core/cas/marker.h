// The file `oci-layout`, which marks a directory as an image layout and states its version.
#pragma once

#include <string>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct ImageLayout {
  std::string version;  // imageLayoutVersion

  // Errc::invalid_image if it is malformed, has no version, or another version than 1.x.
  static Result<ImageLayout> parse(ByteView text);
  // Returns the file's content, with a newline.
  std::string json() const;
};
inline constexpr std::size_t kMarkerLimit = std::size_t{64} << 10;  // limit in bytes

}  // namespace layoutfs
