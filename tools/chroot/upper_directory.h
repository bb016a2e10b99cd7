// The directory in which `chroot --upper` keeps what is written.
#pragma once

#include <span>
#include <string>

#include "core/base/file.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "tools/cli/mount_point.h"

namespace layoutfs::tools {

// DIR/upper and DIR/work are overlayfs's, DIR/manifest says whose changes they are.
class UpperDirectory {
 public:
  // Made where it is missing, and locked as long as this lives: what two overlayfs with one upper layer would
  // do is undefined, and so is what one does with the upper layer of other files. Errc::io, or
  // Errc::invalid_argument if it belongs to another manifest, lies in one of the `used` paths, or would show
  // one of them to the command. Nothing for an empty path.
  static Result<UpperDirectory> take(const std::string& path, std::span<const UsedPath> used,
                                     const Digest& manifest);
  // As it was before, unless something was written: where no command ran.
  void give_back();

 private:
  std::string path_;
  UniqueFd directory_;
  bool is_made_ = false;
  bool is_named_ = false;  // after this image, by this object
};

}  // namespace layoutfs::tools
