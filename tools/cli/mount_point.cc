#include "tools/cli/mount_point.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/beneath.h"
#include "fs/fuse/dead_mount.h"
#include "fs/fuse/fuse_session.h"

namespace layoutfs::tools {
namespace {

std::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(Errc::mount_failed, "mount point " + path + ": " + why);
}
std::unexpected<Error> refuse(const std::string& path, int errno_value) {
  if (errno_value == ENOTCONN)
    if (const std::string why = explain_dead_mounts(path); !why.empty()) return refuse(path, why);
  return refuse(path, std::generic_category().message(errno_value));
}

bool is_there(const std::string& path) {
  struct stat found;
  return ::lstat(path.c_str(), &found) == 0;
}

// Returns nullopt and sets errno on failure.
std::optional<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return std::nullopt;
  return real.get();
}

// Returns the directory in which to create `path`.
std::filesystem::path parent_of(std::filesystem::path path) {
  if (!path.has_filename()) path = path.parent_path();  // "m/"
  path = path.parent_path();
  return path.empty() ? "." : path;
}

// `path` is the name for messages.
Status check_directory(const std::string& path, const std::string& real) {
  struct stat found;
  if (::stat(real.c_str(), &found) != 0) return refuse(path, errno);
  if (!S_ISDIR(found.st_mode)) return refuse(path, ENOTDIR);
  return {};
}

}  // namespace

bool is_in(const std::string& path, const std::string& directory) {
  std::error_code failed;
  return leads_through(
      std::filesystem::weakly_canonical(std::filesystem::absolute(path, failed), failed).string(), directory);
}

// Follows path_resolution(7).
bool leads_through(const std::string& path, const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::path real = fs::weakly_canonical(fs::absolute(directory, failed), failed);
  struct stat wanted;
  const bool is_made = ::stat(real.c_str(), &wanted) == 0;
  const auto is_wanted = [&](const fs::path& at) {
    struct stat found;
    return at == real || (is_made && ::lstat(at.c_str(), &found) == 0 && found.st_dev == wanted.st_dev &&
                          found.st_ino == wanted.st_ino);
  };
  std::vector<fs::path> rest;  // remaining components of the path, the next one last
  const auto push = [&rest](const fs::path& way) {
    const auto end = static_cast<std::ptrdiff_t>(rest.size());
    for (const fs::path& component : way) rest.insert(rest.begin() + end, component);
  };
  push(fs::absolute(path, failed).relative_path());
  fs::path at = "/";
  for (int links = 0; !is_wanted(at);) {
    if (rest.empty()) return false;
    const fs::path component = std::move(rest.back());
    rest.pop_back();
    if (component.empty() || component == ".") continue;
    if (component == "..") {
      at = at.parent_path();
      continue;
    }
    const fs::path target = fs::read_symlink(at / component, failed);
    if (failed) {
      at /= component;
      continue;
    }
    if (++links > kMaxLinks) return false;
    if (target.is_absolute()) at = "/";
    push(target.relative_path());
  }
  return true;
}

bool MountPoint::is_device(const std::string& path) { return path.starts_with("/dev/fd/"); }

Status MountPoint::check(const std::string& path, std::span<const UsedPath> used) {
  if (is_device(path)) return {};
  // Checked before any other access to the path, which could block.
  if (const auto mounted = mount_point_of(path)) {
    if (is_dead_mount(*mounted)) return refuse(path, explain_dead_mount(*mounted));
    return refuse(path, "busy: a layout is mounted there already");
  }
  for (const UsedPath& each : used) {
    if (each.path.empty()) continue;
    if (is_in(path, each.path)) return refuse(path, "inside " + each.what + " " + each.path);
    if (each.is_opened_again && leads_through(each.path, path))
      return refuse(path, "it would hide " + each.what + " " + each.path + " from the mount itself");
  }
  if (const auto real = real_path(path)) return check_directory(path, *real);
  if (errno != ENOENT || is_there(path)) return refuse(path, errno);
  const std::string parent = parent_of(path);
  if (::faccessat(AT_FDCWD, parent.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
  const int failure = errno;
  Error refused = refuse(path, failure).error();
  if (failure != ENOENT) return fail(std::move(refused));
  return fail(std::move(refused).with_hint("create the directory " + parent + " first"));
}

Result<MountPoint> MountPoint::prepare(const std::string& path, std::span<const UsedPath> used) {
  if (is_device(path)) return MountPoint(path);
  if (auto checked = check(path, used); !checked) return fail(std::move(checked).error());
  const bool is_made = ::mkdir(path.c_str(), 0755) == 0;
  if (!is_made && errno != EEXIST) return refuse(path, errno);
  const auto real = real_path(path);
  if (!real) return refuse(path, errno);
  MountPoint prepared(*real);
  if (is_made) prepared.made_ = identity_of(*real);
  return prepared;
}

// AT_STATX_DONT_SYNC: another file system that does not answer may be mounted there now.
std::optional<MountPoint::Identity> MountPoint::identity_of(const std::string& path) {
  struct statx found;
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_INO | STATX_BTIME,
              &found) != 0)
    return std::nullopt;
  const bool is_birth_known = (found.stx_mask & STATX_BTIME) != 0;
  return Identity{.device = makedev(found.stx_dev_major, found.stx_dev_minor),
                  .inode = found.stx_ino,
                  .born_s = is_birth_known ? found.stx_btime.tv_sec : 0,
                  .born_ns = is_birth_known ? found.stx_btime.tv_nsec : 0};
}

MountPoint::MountPoint(MountPoint&& other) noexcept
    : path_(std::move(other.path_)), made_(std::exchange(other.made_, std::nullopt)) {}

MountPoint::~MountPoint() {
  if (made_ && identity_of(path_) == made_) ::rmdir(path_.c_str());
}

}  // namespace layoutfs::tools
