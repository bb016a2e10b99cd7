// What the kernel says about mounts, in /proc/self/mountinfo (proc(5)): asks nothing of the mounts
// themselves.
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
  std::optional<std::uint32_t> user;  // of FUSE: who serves it
};

// The topmost mount on an absolute path; nothing where none is.
std::optional<Mount> find_mount(std::string_view mount_point);

// All mounts by where they are, in the kernel's order: later ones lie on top.
std::vector<std::pair<std::string, Mount>> all_mounts();

// Where mounts of that type are, in the kernel's order.
std::vector<std::string> mount_points_of(std::string_view type);

// The byte that a backslash and three octal digits stand for; nothing if other characters follow the
// backslash.
std::optional<char> octal_escape(std::string_view behind_backslash);
// Undoes the octal escapes of that file: "\040" is a blank.
std::string unescape_mount_point(std::string_view escaped);

}  // namespace layoutfs
