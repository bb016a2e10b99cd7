// `layoutfs umount`.
#include <memory>
#include <string>
#include <vector>

#include "fs/fuse_session.h"
#include "tools/command.h"

namespace layoutfs::tools {

void add_umount_command(CLI::App& app, int& exit_code) {
  struct Arguments {
    std::vector<std::string> mount_points;
    bool lazy = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("umount", "Take mounts down");
  command->add_option("MOUNTPOINT", arguments->mount_points, "Where something is mounted")->required();
  command->add_flag("-z,--lazy", arguments->lazy, "Detach now, end when the last open file is closed");
  command->callback([arguments, &exit_code] {
    for (const std::string& mount_point : arguments->mount_points)
      if (auto done = unmount(mount_point, arguments->lazy); !done) exit_code = report(done.error());
  });
}

}  // namespace layoutfs::tools
