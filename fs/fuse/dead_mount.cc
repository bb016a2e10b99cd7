#include "fs/fuse/dead_mount.h"

#include <sys/vfs.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/base/is_at_or_below.h"
#include "fs/fuse/apart.h"
#include "fs/fuse/mount_table.h"
#include "fs/fuse/view_socket.h"

namespace layoutfs {
namespace {

bool is_fuse(const Mount& mount) { return mount.type == "fuse" || mount.type.starts_with("fuse."); }

}  // namespace

// statfs(2) is the only request that the kernel never answers from a cache.
bool is_dead_mount(const std::string& mount_point) {
  const auto mount = find_mount(mount_point);
  if (mount && mount->view == View::kernel) return ask_view(mount->device).is_dead;
  if (!mount || !is_fuse(*mount)) return false;
  const AnswerApart answer = ask_apart([path = mount_point.c_str()](std::span<char> out) {
    struct statfs filesystem;
    out[0] = ::statfs(path, &filesystem) != 0 && errno == ENOTCONN ? 'd' : 'a';
    return std::size_t{1};
  });
  return answer.text == "d";
}

std::string explain_dead_mount(const std::string& mount_point) {
  const auto mount = find_mount(mount_point);
  const bool is_ours = mount && mount->view;
  return "the mount on " + mount_point + " is dead because its server has ended; unmount it with '" +
         (is_ours ? "layoutfs " : "") + "umount " + mount_point + "'";
}

std::string explain_dead_mounts(const std::string& path) {
  std::error_code failed;
  const std::string place =
      path.empty() ? "" : std::filesystem::absolute(path, failed).lexically_normal().string();
  std::string of_path, of_all;
  for (const auto& [point, mount] : all_mounts()) {
    if (!is_dead_mount(point)) continue;
    if (is_at_or_below(place, point)) of_path = explain_dead_mount(point);
    of_all += (of_all.empty() ? "" : "; ") + explain_dead_mount(point);
  }
  return of_path.empty() ? of_all : of_path;
}

}  // namespace layoutfs
