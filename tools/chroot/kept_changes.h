// The changes that an overlay has kept, for `layoutfs commit`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/file.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

struct KeptChanges {
  UniqueFd upper;    // the upper directory; none if nothing was changed
  std::string name;  // its path, for errors
  UniqueFd lock;     // keeps `chroot` from using the directory; none if it is not of chroot
  // If a user without other IDs made the changes in a user namespace: this user and group are root's.
  std::optional<std::uint32_t> root_user, root_group;
};

// Opens the upper directory `path`: the directory of `chroot --upper`, the directory `upper` in it, or that
// of another overlay.
// Errc::invalid_argument if chroot has marked it for another image than `manifest`, or if it belongs to
// another user and this one cannot see all marks of overlayfs. Errc::failed_precondition if it is in use by
// chroot or by a mounted overlay. Errc::not_found. Errc::io.
Result<KeptChanges> open_kept_changes(const std::string& path, const Digest& manifest);

}  // namespace layoutfs::tools
