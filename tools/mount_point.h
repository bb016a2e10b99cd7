// The directory that a mount covers.
#pragma once

#include <string>

#include "core/base/error.h"

namespace layoutfs::tools {

// Made where it is missing, and then removed at the end, if it is empty then.
class MountPoint {
 public:
  // What prepare() would refuse, found without making anything: for before long work.
  static Status check(const std::string& path, const std::string& layout);
  // Errc::mount_failed where it is no directory, cannot be made, is a mount point of layoutfs already, or
  // lies in the directory `layout`: what is read from there would be asked of the mount itself. /dev/fd/N, an
  // open /dev/fuse that a supervisor mounted, is taken as it is.
  static Result<MountPoint> prepare(const std::string& path, const std::string& layout);
  MountPoint(MountPoint&& other) noexcept;
  MountPoint& operator=(MountPoint&&) = delete;
  ~MountPoint();
  // Absolute, so that it holds after a change of directory.
  const std::string& path() const noexcept { return path_; }

 private:
  MountPoint(std::string path, bool is_made) : path_(std::move(path)), is_made_(is_made) {}
  std::string path_;
  bool is_made_;
};

}  // namespace layoutfs::tools
