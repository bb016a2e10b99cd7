// Places in a root directory whose content nobody vouches for, as an image's is.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// Paths are resolved inside it, without the kernel, so that no symlink leads out: those of proc(5), which
// lead to open files, are refused with ELOOP. What is missing is made. The paths that are returned have no
// symlinks. Nothing else may change the directory meanwhile. Errors are those of system calls.
class RootDirectory {
 public:
  // By default that of this process.
  explicit RootDirectory(std::string path = "") : root_(std::move(path)) {}

  // Makes `path`, in a directory that is there, a directory itself: anything else there, also a symlink, is
  // replaced.
  Status make_directory(const std::string& path, mode_t mode) const;
  // Returns the directory that `path` leads to, made if it is missing. ENOTDIR if it leads to something else.
  Result<std::string> make_directories(const std::string& path) const;
  // Returns the file that `path` leads to, made if it is missing. If it leads to nothing that can be made, to
  // anything but a regular file, or to another mount, a new file replaces what is at `path`, and if need be a
  // new directory what is at its parent, which must be below the root directory.
  Result<std::string> make_file(const std::string& path) const;

 private:
  // Returns the place that `path` leads to, at which nothing may be. Directories on the way to it are made.
  Result<std::string> place_of(const std::string& path) const;
  Result<std::string> make_parent(const std::string& path) const;
  bool is_file_or_free(const std::string& place) const;
  Status remove(const std::string& path) const;

  const std::string root_;
};

}  // namespace layoutfs::tools
