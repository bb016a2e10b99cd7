// Opens what lies below a directory, through symlinks that stay below it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "core/base/file.h"

namespace layoutfs {

// Which symlinks are followed below a directory.
enum class LinkPolicy : std::uint8_t {
  beneath,   // those that stay below it
  anywhere,  // all of them
};

// The directory. `path` is a path that it has, absolute: a link whose target begins with it, or with the path
// that the kernel knows it by, stays below it. May be empty.
struct LinkRoot {
  int fd;
  std::string path;
};

// A symlink that could not be followed.
struct LinkFault {
  enum class Kind : std::uint8_t {
    leaves,    // it leads out of the directory
    dangling,  // nothing is there
    loop,      // it takes more than kMaxLinks links
  };
  Kind kind;
  std::string link;    // its path below the directory
  std::string target;  // the text of the link
};

struct OpenFailure {
  int sys;                         // the errno
  std::optional<LinkFault> fault;  // if a symlink is the reason
};
using OpenResult = std::expected<UniqueFd, OpenFailure>;

inline constexpr int kMaxLinks = 40;  // as many as the kernel follows (path_resolution(7))

// openat(2) of a path below the directory, without O_CREAT; every symlink is followed, also the last one, if
// the policy allows it. The check and the opening are one: what is renamed meanwhile leads nowhere else.
// Links of /proc that lead to open files (magic links) are read as text, and a regular file is the only thing
// that LinkPolicy::anywhere opens for reading, beside directories.
OpenResult open_beneath(const LinkRoot& root, const std::string& path, int flags,
                        LinkPolicy policy = LinkPolicy::beneath);

// open_beneath() with LinkPolicy::beneath, without openat2(2).
OpenResult walk_beneath(const LinkRoot& root, const std::string& path, int flags);

}  // namespace layoutfs
