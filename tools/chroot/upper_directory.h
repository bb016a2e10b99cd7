// The directory in which `chroot --upper` keeps changes.
#pragma once

#include <span>
#include <string>

#include "core/base/file.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "tools/cli/mount_point.h"

namespace layoutfs::tools {

// DIR/upper and DIR/work belong to overlayfs; DIR/manifest names the image of the changes.
class UpperDirectory {
 public:
  // Creates the directory if it is missing, and locks it while this object exists. With two overlayfs on one
  // upper layer, or one on the upper layer of other files, behaviour is undefined. An empty path gives an
  // empty object. Errc::io; Errc::invalid_argument if the directory belongs to another manifest, is inside
  // one of the `used` paths, or would show one of them to the command.
  static Result<UpperDirectory> take(const std::string& path, std::span<const UsedPath> used,
                                     const Digest& manifest);
  // Restores the earlier state if no command ran. Keeps everything if something was written.
  void give_back();

 private:
  std::string path_;
  UniqueFd directory_;
  bool is_made_ = false;
  bool is_named_ = false;  // to this image, by this object
};

}  // namespace layoutfs::tools
