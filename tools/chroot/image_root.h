// The root directory of `chroot`: an image under overlayfs, with the file systems that programs expect of a
// running system.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"
#include "fs/kernel/kernel_view.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// The requests of the image's mount.
enum class Served : std::uint8_t {
  tree,     // of programs: FUSE shows the image
  devices,  // of EROFS, which shows it (fs/kernel/kernel_view.h)
};
using Serve = std::function<Status(UniqueFd device, Served served)>;

struct ImageRoot {
  std::string source;  // of the image's mount, for /proc/self/mountinfo
  std::string upper;   // the directory that keeps changes; empty: memory
  bool is_read_only = false;
  std::string working_directory;    // in the image, created if it is missing; empty: its root
  std::optional<ViewOptions> view;  // by which the kernel shows the image; nullopt: FUSE shows it
  bool is_view_needed = false;      // fail if the kernel cannot
};

// Returns whether this user namespace maps too few users, so that all files must be shown as root's.
bool are_users_missing();

// The PATH of a command if the config of the image has none.
inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Gives this process its own mounts and the root directory. The process must be the first of a pid namespace.
// `serve` gets the device of the image's mount, and must answer its requests from then on; again, if the view
// fails and FUSE is used. The mounts are
// invisible outside, and end with the last process inside. Adds the paths of all mount points and directories
// that the image lacks to `made`, even if it fails. Errc::mount_failed.
Status enter(const ImageRoot& root, const Serve& serve, std::vector<std::string>& made);

}  // namespace layoutfs::tools
