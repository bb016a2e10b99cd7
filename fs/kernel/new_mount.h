// Mounts that exist before a directory shows them (fsopen(2), fsmount(2); Linux 5.2).
#pragma once

#include <span>
#include <string>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct MountParameter {
  std::string key;
  std::string value = "";  // empty: a flag
};

// Errc::mount_failed if the kernel has no filesystem of this type, or this process may not create one.
Status check_filesystem(const std::string& type);

// Creates a filesystem of this type, and a mount of it with `attributes` (MOUNT_ATTR_*) that no directory
// shows. The mount ends when the descriptor is closed, unless it is attached. Errc::mount_failed, with the
// message of the kernel, if it fails or reports an error.
Result<UniqueFd> make_mount(const std::string& type, std::span<const MountParameter> parameters,
                            unsigned attributes);

// Shows the mount on a directory. Errc::mount_failed.
Status attach_mount(const UniqueFd& mount, const std::string& mount_point);

}  // namespace layoutfs
