// The directory in which `chroot --upper` keeps changes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/image/image.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "tools/cli/mount_point.h"

namespace layoutfs::tools {

// DIR/upper belongs to overlayfs, and so does DIR/work while a command runs; DIR/manifest names the image of
// the changes.
class UpperDirectory {
 public:
  // Creates the directory if it is missing, and locks it while this object exists. With two overlayfs on one
  // upper layer, or one on the upper layer of other files, behaviour is undefined. An empty path gives an
  // empty object. Errc::io; Errc::invalid_argument if the directory belongs to another manifest, is inside
  // one of the `used` paths, or would show one of them to the command.
  static Result<UpperDirectory> take(const std::string& path, std::span<const UsedPath> used,
                                     const Digest& manifest);
  // Removes everything that no command has created: DIR/work; from DIR/upper the paths in `made` that are
  // still empty, and directories that were copied up for them; DIR/upper and DIR/manifest if there are no
  // changes. Removes DIR if take() created it and no command has run. Call it after everything is unmounted.
  void clean(const Image& image, const std::vector<std::string>& made, bool has_run);

 private:
  std::string path_;
  UniqueFd directory_;
  bool is_made_ = false;
};

// Returns the first line of DIR/manifest, the digest of the image; "" if the file does not exist. `directory`
// is DIR, `path` its name in errors.
Result<std::string> upper_owner(const UniqueFd& directory, const std::string& path);

}  // namespace layoutfs::tools
