// Opens files below a directory, through symlinks that stay below it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "core/base/file.h"

namespace layoutfs {

// The symlinks that are followed below a directory.
enum class LinkPolicy : std::uint8_t {
  beneath,   // those that stay below it
  anywhere,  // all of them
};

// A directory. `path` is one of its absolute paths, or empty. A link stays below the directory if its target
// starts with `path` or with the kernel's path of the directory.
struct LinkRoot {
  int fd;
  std::string path;
};

// A symlink that could not be followed.
struct LinkFault {
  enum class Kind : std::uint8_t {
    leaves,    // it leaves the directory
    dangling,  // its target does not exist
    loop,      // more than kMaxLinks links
  };
  Kind kind;
  std::string link;    // path of the link below the directory
  std::string target;  // target of the link
};

struct OpenFailure {
  int sys;                         // the errno
  std::optional<LinkFault> fault;  // if a symlink caused the failure
};
using OpenResult = std::expected<UniqueFd, OpenFailure>;

inline constexpr int kMaxLinks = 40;  // the kernel's limit (path_resolution(7))

// openat(2) of a path below the directory, without O_CREAT. Follows all symlinks that the policy allows,
// including the last one. The check and the opening are atomic: a concurrent rename cannot redirect the path.
// Links in /proc to open files (magic links) are treated as text. LinkPolicy::anywhere opens only regular
// files and directories for reading.
OpenResult open_beneath(const LinkRoot& root, const std::string& path, int flags,
                        LinkPolicy policy = LinkPolicy::beneath);

// openat2(2) with the flags RESOLVE_... in `resolve` and with O_CLOEXEC. Returns -1 and errno if it fails:
// ENOSYS, or EPERM in some containers, if there is no such system call.
int open_resolved(int directory, const std::string& path, int flags, std::uint64_t resolve);

// open_beneath() with LinkPolicy::beneath, without openat2(2).
OpenResult walk_beneath(const LinkRoot& root, const std::string& path, int flags);

}  // namespace layoutfs
