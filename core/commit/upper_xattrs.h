// The xattrs of a file in the upper directory of an overlay: those of the file, and the marks of overlayfs
// (Linux, Documentation/filesystems/overlayfs.rst).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs {

// The marks of overlayfs on one file, in trusted.overlay.* or, with the mount option userxattr, in
// user.overlay.*.
struct UpperMarks {
  bool is_opaque = false;    // a directory that hides the directory below it
  bool is_whiteout = false;  // an empty file that stands for a whiteout
};

// Both functions take a file by its name in an open directory ("." is the directory itself), do not open it,
// and do not follow a symlink. A file system without xattrs has none. Trusted xattrs are visible only with
// CAP_SYS_ADMIN.

// Errc::unsupported, with the mount option that avoids it as a hint, if the file refers to content of the
// directories below: it was renamed (redirect), only its attributes were copied up (metacopy), or it may have
// further names below (nlink, of the index).
Result<UpperMarks> read_upper_marks(int directory, const std::string& name);

// Returns the xattrs that belong to the file, sorted by name. Leaves out the marks, and the label of SELinux,
// which belongs to the policy of this system. Xattrs of a nested overlay get their own names again
// ("trusted.overlay.overlay.opaque").
using Xattrs = std::vector<std::pair<std::string, std::string>>;
Result<Xattrs> read_upper_xattrs(int directory, const std::string& name);

}  // namespace layoutfs
