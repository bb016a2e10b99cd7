// `layoutfs umount`.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/utf8.h"
#include "fs/fuse/fuse_session.h"
#include "fs/fuse/mount_server.h"
#include "fs/fuse/mount_table.h"
#include "fs/fuse/mount_users.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {
namespace {

// The maximum wait for the server's end. It continues while another mount namespace holds the file system.
constexpr std::chrono::seconds kPatience{3};

// Returns for example "cat (1300, open file), bash (1234, working directory) and 2 more".
std::string user_list(const std::vector<MountUser>& users) {
  constexpr std::size_t kMost = 5;
  std::string names;
  for (std::size_t i = 0; i < std::min(users.size(), kMost); ++i)
    names += (i == 0 ? "" : ", ") + printable(users[i].command) + " (" + std::to_string(users[i].pid) + ", " +
             users[i].use + ")";
  return users.size() > kMost ? names + " and " + std::to_string(users.size() - kMost) + " more" : names;
}

// Returns the mounts on directories below, such as an overlayfs.
std::string mounts_below(const std::string& mount_point) {
  std::string names;
  for (const auto& [point, mount] : all_mounts())
    if (point.starts_with(mount_point + "/")) names += (names.empty() ? "" : ", ") + printable(point);
  return names;
}

std::vector<MountUser> other_users(const std::string& mount_point) {
  auto users = users_of_mount(mount_point);
  std::erase_if(users, [](const MountUser& user) { return user.pid == ::getpid(); });
  return users;
}

// fusermount3 prints the text of EBUSY too.
bool is_busy(const Error& error) { return error.message().ends_with("busy"); }

// Returns `failed`, with the reason if the mount is busy.
Status explain_busy(const std::string& path, const std::string& mount_point, Status failed) {
  if (!is_busy(failed.error())) return failed;
  const std::string below = mounts_below(mount_point);
  const auto users = other_users(mount_point);
  std::string reason = !below.empty() ? "mounted below it: " + below
                       : !users.empty()
                           ? "used by " + user_list(users)
                           : "its users are not visible: processes of other users, or an overlayfs";
  Error error(Errc::mount_failed, path + ": Device or resource busy, " + reason);
  return fail(std::move(error).with_hint(
      "detach it now, so that it ends with its last user: layoutfs umount -z " + path));
}

// Returns after the server has removed the mount point, if the server created it.
Status take_down(const std::string& path, bool is_lazy) {
  const auto mount_point = mount_point_of(path);
  if (!mount_point) return fail(Error(mount_point.error()));
  if (is_lazy) return unmount(*mount_point, true);
  const AnswerApart answer = ask_for_statistics(*mount_point);
  const auto server = MountServer::of(answer);
  auto done = unmount(*mount_point, false);
  // A question that waits keeps the mount busy, and is no user.
  if (!done && answer.is_waiting && is_busy(done.error()) && mounts_below(*mount_point).empty() &&
      other_users(*mount_point).empty())
    done = unmount(*mount_point, true);
  if (!done) return explain_busy(path, *mount_point, std::move(done));
  if (server) server->await_end(kPatience);
  return {};
}

// Returns the mounts of this user, or of all users for root. Mounts on top of others come first.
std::vector<std::string> own_mount_points() {
  std::vector<std::string> mount_points;
  for (const auto& [path, mount] : layoutfs_mounts())
    if (::geteuid() == 0 || mount.user == ::geteuid()) mount_points.insert(mount_points.begin(), path);
  return mount_points;
}

}  // namespace

void add_umount_command(Command program, int& exit_code) {
  struct Arguments {
    std::vector<std::string> mount_points;
    bool lazy = false;
    bool all = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  const Command command = program.add_subcommand("umount", "Unmount layoutfs mounts");
  command.example("layoutfs umount /mnt/app");
  command.example("layoutfs umount --all");
  command.usage("MOUNTPOINT...").usage("--all");
  const Option mount_points = command.add_option("MOUNTPOINT", arguments->mount_points, "");
  command.add_flag("-z,-l,--lazy", arguments->lazy, "Detach now; end when the last open file is closed");
  command
      .add_flag("-a,--all", arguments->all, "Unmount all layoutfs mounts of this user (root: of all users)")
      .excludes(mount_points);
  command.callback([arguments, &exit_code] {
    if (arguments->all) arguments->mount_points = own_mount_points();
    if (arguments->mount_points.empty() && !arguments->all)
      exit_code = report(missing_operand("umount", "MOUNTPOINT"));
    for (const std::string& mount_point : arguments->mount_points)
      if (auto done = take_down(mount_point, arguments->lazy); !done) exit_code = report(done.error());
  });
}

}  // namespace layoutfs::tools
