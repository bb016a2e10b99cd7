// The directory on which a layout or an image is mounted.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// Returns whether `path`, which need not exist, is `directory` or is inside it, under any name.
bool is_in(const std::string& path, const std::string& directory);

// Returns whether the resolution of `path` enters `directory`, even if a symlink leads out of it again.
// Neither needs to exist. Compares directories by inode too, so bind mounts count.
bool leads_through(const std::string& path, const std::string& directory);

// A directory or an archive that the process behind the mount uses.
struct UsedPath {
  std::string what;  // "the layout"
  std::string path;
  bool is_opened_again = true;  // by path, while the mount is served
};

// A directory to mount on. If it is missing, it is created, and the destructor removes it if it is still the
// same directory and empty.
class MountPoint {
 public:
  // Checks the conditions of prepare() without creating anything, for use before long work.
  static Status check(const std::string& path, std::span<const UsedPath> used);
  // Returns whether the path is /dev/fd/N, an open /dev/fuse that a supervisor has mounted.
  static bool is_device(const std::string& path);
  // Errc::mount_failed if the path is not a directory, cannot be created, is a mount point of layoutfs
  // already, is inside one of the `used` paths, or would hide a used path that is opened again. In the last
  // case the process would wait for its own answer. Accepts devices
  // without these checks.
  static Result<MountPoint> prepare(const std::string& path, std::span<const UsedPath> used);
  MountPoint(MountPoint&& other) noexcept;
  MountPoint& operator=(MountPoint&&) = delete;
  ~MountPoint();
  // Returns the absolute path, which stays valid after a change of the working directory.
  const std::string& path() const noexcept { return path_; }

 private:
  // Of a directory. A file system may reuse the inode number of a removed directory, but the birth time
  // differs.
  struct Identity {
    std::uint64_t device, inode;
    std::int64_t born_s;
    std::uint32_t born_ns;
    bool operator==(const Identity&) const = default;
  };
  static std::optional<Identity> identity_of(const std::string& path);
  explicit MountPoint(std::string path) : path_(std::move(path)) {}
  std::string path_;
  std::optional<Identity> made_;
};

}  // namespace layoutfs::tools
