// The kernel's table of mounts, /proc/self/mountinfo (proc(5)). Does not access the mounts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fs/tree/view.h"

namespace layoutfs {

// The start of the source of kernel views, which distinguishes them from other mounts of EROFS.
inline constexpr std::string_view kViewSource = "layoutfs:";

struct Mount {
  std::string device;                 // "0:57"
  std::string type;                   // "fuse.layoutfs"
  std::optional<std::uint32_t> user;  // FUSE and kernel views: the user of the server
  std::string source = {};            // as it was named, without kViewSource
  std::optional<View> view = {};      // nullopt: not a mount of layoutfs
};

// Returns the topmost mount on an absolute path; nullopt if there is none.
std::optional<Mount> find_mount(std::string_view mount_point);

// Returns all mounts with their mount points, in the kernel's order: later ones are on top.
std::vector<std::pair<std::string, Mount>> all_mounts();
// The same for the mounts of layoutfs alone.
std::vector<std::pair<std::string, Mount>> layoutfs_mounts();

// Returns the byte for a backslash and three octal digits; nullopt if other characters follow the backslash.
std::optional<char> octal_escape(std::string_view behind_backslash);
// Decodes the octal escapes of that file: "\040" is a blank.
std::string unescape_mount_point(std::string_view escaped);

}  // namespace layoutfs
