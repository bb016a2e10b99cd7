// The options of mount(8)'s -o, as layoutfs knows them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/error.h"
#include "layoutfs/log.h"

namespace layoutfs {

struct MountOptions {
  std::vector<std::string>
      kernel;  // handed on to libfuse: allow_other, allow_root, dev, suid, noexec, auto_unmount, ...
  std::optional<std::uint32_t> uid, gid;                // show all files as owned by
  std::string platform;                                 // empty: the host's
  std::string cache_dir;                                // empty: IndexCache::default_directory()
  std::uint64_t cache_size = std::uint64_t{256} << 20;  // bytes
  std::uint64_t cache_disk = std::uint64_t{4} << 30;    // bytes; 0: off
  bool verify = true;
  std::optional<bool> acl;  // enforce POSIX ACLs; by default if one image is mounted that has any
  std::chrono::seconds idle_timeout{0};
  unsigned max_threads = 10;
  bool is_of_repositories = false;  // what is mounted is a directory of layouts
  bool follow_links = false;        // symlinks that leave the layout, too
  LogFormat log_format = LogFormat::text;
  std::string fsname;  // empty: the layout as it was named
};

// The options of one -o argument ("name[=value],..."), each as it is written there. A comma behind a
// backslash separates nothing.
std::vector<std::string_view> split_mount_options(std::string_view argument);

// Adds one -o argument to `options`; a later option overrides an earlier one. As in libfuse's options, "\,"
// means a comma, "\\" a backslash, and a backslash with three octal digits, up to "\377", that byte.
// Errc::invalid_argument for an unknown name, which suggests the nearest known one, or a value that does not
// parse. `ro`, `rw`, `defaults` and what mount(8) and fstab keep for themselves (auto, noauto, user, users,
// nouser, owner, group, nofail, _netdev, x-*, comment=) are accepted and ignored.
Status add_mount_options(MountOptions& options, std::string_view argument);
// Adds one option ("name[=value]") whose characters all stand for themselves. Errors as above.
Status add_mount_option(MountOptions& options, std::string_view option);

struct KnownMountOption {
  std::string_view name;
  std::string_view value;  // what to write behind "=": "SIZE", "on|off"; empty where it takes none
};
// All that there are, but for x-* and comment=.
std::vector<KnownMountOption> known_mount_options();

// "512M", "1G", "4096" (binary multiples) and "10m", "90", "1h" (seconds without a unit).
Result<std::uint64_t> parse_size(std::string_view text);
Result<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace layoutfs
