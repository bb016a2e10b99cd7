// Taking mounts down.
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "fs/fuse_session.h"
#include "fs/mount_table.h"

extern char** environ;

namespace layoutfs {
namespace {

// An absolute path without asking the mounted filesystem itself, which may be the one that hangs.
std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(path, failed).lexically_normal();
  const auto parent = std::filesystem::canonical(
      absolute.has_filename() ? absolute.parent_path() : absolute.parent_path().parent_path(), failed);
  if (failed) return absolute.string();
  const auto name = absolute.has_filename() ? absolute.filename() : absolute.parent_path().filename();
  return (parent / name).string();
}

// fusermount3 is set-uid root: it unmounts what its caller mounted.
Status run_fusermount(const std::string& mount_point, bool lazy) {
  std::vector<std::string> words{"fusermount3", "-u", "-q"};
  if (lazy) words.emplace_back("-z");
  words.insert(words.end(), {"--", mount_point});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (const int failed = ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
      failed != 0)
    return std::unexpected(Error::system(failed, "fusermount3"));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Errc::mount_failed, mount_point + ": fusermount3 could not unmount it; it may be busy");
}

}  // namespace

bool is_mounted(const std::string& mount_point) {
  const auto mount = find_mount(mount_point);
  return mount && mount->type == "fuse.layoutfs";
}

Result<std::string> mount_point_of(const std::string& path) {
  std::string mount_point = absolute_path(path);
  if (!is_mounted(mount_point)) return fail(Errc::not_found, path + ": no layout is mounted there");
  return mount_point;
}

Status unmount(const std::string& path, bool lazy) {
  const auto mount_point = mount_point_of(path);
  if (!mount_point) return fail(Error(mount_point.error()));
  if (::umount2(mount_point->c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) return {};
  if (errno == EPERM && ::geteuid() != 0) return run_fusermount(*mount_point, lazy);
  return std::unexpected(Error::system(errno, path));
}

}  // namespace layoutfs
