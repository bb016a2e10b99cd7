// `layoutfs umount`.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs/fuse/fuse_session.h"
#include "fs/fuse/mount_server.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {
namespace {

// How long the server may take to end: it goes on where something else holds the filesystem, as another
// mount namespace does.
constexpr std::chrono::seconds kPatience{3};

// Returns when the mount point, where the server made it, is removed too.
Status take_down(const std::string& path, bool is_lazy) {
  const auto mount_point = mount_point_of(path);
  if (!mount_point) return fail(Error(mount_point.error()));
  const auto server = is_lazy ? std::nullopt : MountServer::of(*mount_point);
  if (auto done = unmount(*mount_point, is_lazy); !done) return done;
  if (server) server->await_end(kPatience);
  return {};
}

}  // namespace

void add_umount_command(Command program, int& exit_code) {
  struct Arguments {
    std::vector<std::string> mount_points;
    bool lazy = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  const Command command = program.add_subcommand("umount", "Take mounts down");
  command.add_option("MOUNTPOINT", arguments->mount_points, "Where something is mounted").required();
  command.add_flag("-z,--lazy", arguments->lazy, "Detach now, end when the last open file is closed");
  command.callback([arguments, &exit_code] {
    for (const std::string& mount_point : arguments->mount_points)
      if (auto done = take_down(mount_point, arguments->lazy); !done) exit_code = report(done.error());
  });
}

}  // namespace layoutfs::tools
