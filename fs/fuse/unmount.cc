// Unmounts.
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "core/base/beneath.h"
#include "fs/fuse/dead_mount.h"
#include "fs/fuse/fuse_session.h"
#include "fs/fuse/fusermount.h"
#include "fs/fuse/mount_table.h"

namespace layoutfs {
namespace {

// Makes a path absolute without accessing the mount, which may hang.
std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(path, failed).lexically_normal();
  const auto parent = std::filesystem::canonical(
      absolute.has_filename() ? absolute.parent_path() : absolute.parent_path().parent_path(), failed);
  if (failed) return absolute.string();
  const auto name = absolute.has_filename() ? absolute.filename() : absolute.parent_path().filename();
  return (parent / name).string();
}

// Resolves symlinks in `path`, but not inside a layoutfs mount.
std::string follow_links(const std::string& path) {
  std::string place = absolute_path(path);
  for (int links = 0; links < kMaxLinks && !is_mounted(place); ++links) {
    std::error_code failed;
    const auto target = std::filesystem::read_symlink(place, failed);
    if (failed) break;
    place = absolute_path(std::filesystem::path(place).parent_path() / target);
  }
  return place;
}

// fusermount3 reports this as missing from /etc/mtab.
Status explain_other_user(const std::string& path, const Mount& mount, Status failed) {
  if (failed || !mount.user || *mount.user == ::geteuid()) return failed;
  const std::string owner = *mount.user == 0 ? "root" : "user " + std::to_string(*mount.user);
  return fail(Errc::mount_failed, path + ": mounted by " + owner + "; only " +
                                      (*mount.user == 0 ? "root" : "that user or root") + " can unmount it");
}

}  // namespace

bool is_mounted(const std::string& mount_point) {
  const auto mount = find_mount(mount_point);
  return mount && mount->view;
}

Result<std::string> mount_point_of(const std::string& path) {
  std::string mount_point = follow_links(path);
  if (!is_mounted(mount_point)) {
    std::error_code failed;
    // Below a dead mount no path can be resolved, including links to another mount.
    const bool is_below_dead = !std::filesystem::exists(mount_point, failed) && failed.value() == ENOTCONN;
    const std::string hint = is_below_dead ? explain_dead_mounts(mount_point) : "";
    return fail(
        Error(Errc::not_found, path + ": not a mount point of layoutfs" + (hint.empty() ? "" : ": " + hint))
            .with_hint("list the mount points with: layoutfs mounts"));
  }
  return mount_point;
}

Status unmount(const std::string& path, bool lazy) {
  const auto mount_point = mount_point_of(path);
  if (!mount_point) return fail(Error(mount_point.error()));
  const auto mount = find_mount(*mount_point);
  if (::umount2(mount_point->c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) return {};
  if (errno == EPERM && ::geteuid() != 0)
    return explain_other_user(path, mount.value_or(Mount{}), fusermount_unmount(*mount_point, lazy));
  return fail(Errc::mount_failed, Error::system(errno, path).message());
}

}  // namespace layoutfs
