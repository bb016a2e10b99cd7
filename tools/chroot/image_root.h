// The root directory in which `chroot` runs a command: an image, overlayfs on top, and what programs expect
// of a running system.
#pragma once

#include <functional>
#include <string>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

struct ImageRoot {
  std::string source;  // of the image's mount, in /proc/self/mountinfo
  std::string upper;   // the directory that keeps what is written; empty: memory
  bool is_read_only = false;
  std::string working_directory;  // in the image, made where it is missing; empty: its root
};

// Whether all files must be shown as root's, as this user namespace knows few others.
bool are_users_missing();

// Gives this process, which must be the first of a pid namespace, mounts of its own, and such a root
// directory. `serve` is handed the device of the image's mount, which must be answered from then on. Nothing
// of it is seen outside, and all of it ends with the last process that is inside. Errc::mount_failed.
Status enter(const ImageRoot& root, const std::function<Status(UniqueFd device)>& serve);

}  // namespace layoutfs::tools
