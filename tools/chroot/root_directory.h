// Paths in a root directory with untrusted content, such as an image's.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// Resolves paths inside the directory without the kernel, so that no symlink leads out. Symlinks of proc(5),
// which lead to open files, fail with ELOOP. Creates missing directories. Returned paths have no symlinks.
// Nothing else may change the directory meanwhile. Errors are those of system calls.
class RootDirectory {
 public:
  // Default: the root directory of this process.
  explicit RootDirectory(std::string path = "") : root_(std::move(path)) {}

  // Makes `path` a directory. Its parent must exist. Replaces a file or a symlink at `path`.
  Status make_directory(const std::string& path, mode_t mode);
  // Returns the directory to which `path` leads, after creating it if it is missing. ENOTDIR if `path` leads
  // to a file.
  Result<std::string> make_directories(const std::string& path);
  // Returns the file to which `path` leads, after creating it if it is missing. A new file replaces `path` if
  // it leads to a place in which no file can be created, to a file that is not regular, or to another mount.
  // In that case a new directory may replace the parent of `path`, which must be below the root directory.
  Result<std::string> make_file(const std::string& path);
  // Returns the paths of all created files and directories, in order.
  const std::vector<std::string>& made() const noexcept { return made_; }

 private:
  // Returns the place to which `path` leads, where nothing exists yet. Creates the directories above it.
  Result<std::string> place_of(const std::string& path);
  Result<std::string> make_parent(const std::string& path);
  // Creates a directory at a free place.
  bool make(const std::string& place, mode_t mode);
  bool is_file_or_free(const std::string& place) const;
  Status remove(const std::string& path) const;

  const std::string root_;
  std::vector<std::string> made_;
};

}  // namespace layoutfs::tools
