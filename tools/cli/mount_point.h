// The directory that a mount covers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// Whether `path`, which need not exist, is `directory` or lies in it, by whatever names.
bool is_in(const std::string& path, const std::string& directory);

// Whether the way to `path`, which need not exist, enters `directory`, which need not exist either: also by a
// symlink in it that leads out of it again. Directories are compared by their inodes as well, so bind mounts
// of them count.
bool leads_through(const std::string& path, const std::string& directory);

// A directory, or an archive, that the process that serves a mount uses.
struct UsedPath {
  std::string what;  // "the layout"
  std::string path;
  bool is_opened_again = true;  // by its path, while the mount is served
};

// Made where it is missing, and then removed at the end, if it is empty then, and still the one that was
// made.
class MountPoint {
 public:
  // What prepare() would refuse, found without making anything: for before long work.
  static Status check(const std::string& path, std::span<const UsedPath> used);
  // Errc::mount_failed where it is no directory, cannot be made, is a mount point of layoutfs already, lies
  // in one of the `used` paths, or would hide one that is opened again: what is read from there would be
  // asked of the mount itself, which would wait for its own answer. /dev/fd/N, an open /dev/fuse that a
  // supervisor mounted, is taken as it is.
  static Result<MountPoint> prepare(const std::string& path, std::span<const UsedPath> used);
  MountPoint(MountPoint&& other) noexcept;
  MountPoint& operator=(MountPoint&&) = delete;
  ~MountPoint();
  // Absolute, so that it holds after a change of directory.
  const std::string& path() const noexcept { return path_; }

 private:
  // Of a directory. A file system may give the number of one that is gone to a new one, but at another time.
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
