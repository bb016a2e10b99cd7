// The kernel's table of mounts, /proc/self/mountinfo (proc(5)). Does not access the mounts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace layoutfs {

struct Mount {
  std::string device;                 // "0:57"
  std::string type;                   // "fuse.layoutfs"
  std::optional<std::uint32_t> user;  // FUSE: the user of the server
  std::string source = {};            // as it was named
};

// Returns the topmost mount on an absolute path; nullopt if there is none.
std::optional<Mount> find_mount(std::string_view mount_point);

// Returns all mounts with their mount points, in the kernel's order: later ones are on top.
std::vector<std::pair<std::string, Mount>> all_mounts();

// Returns the mount points of mounts of that type, in the kernel's order.
std::vector<std::string> mount_points_of(std::string_view type);

// Returns the byte for a backslash and three octal digits; nullopt if other characters follow the backslash.
std::optional<char> octal_escape(std::string_view behind_backslash);
// Decodes the octal escapes of that file: "\040" is a blank.
std::string unescape_mount_point(std::string_view escaped);

}  // namespace layoutfs
