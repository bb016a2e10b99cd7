// The options of -o, as in mount(8).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/tree/engine_view.h"
#include "fs/tree/view.h"
#include "layoutfs/error.h"
#include "layoutfs/log.h"

namespace layoutfs {

// Returns the value of the mount option `view`.
std::string_view name_of(EngineView view) noexcept;

struct MountOptions {
  std::vector<std::string>
      kernel;  // passed to libfuse: allow_other, allow_root, dev, suid, noexec, auto_unmount, ...
  std::optional<std::uint32_t> uid, gid;                 // shown as the owner of all files
  std::string platform;                                  // empty: the host's
  std::string cache_dir;                                 // empty: IndexCache::default_directory()
  std::uint64_t cache_size = std::uint64_t{256} << 20;   // bytes
  std::uint64_t cache_disk = std::uint64_t{4} << 30;     // bytes; 0: off
  std::string auth_file, tls_verify;                     // of registries; as the options of commands
  std::uint64_t cache_remote = std::uint64_t{10} << 30;  // bytes, of blobs of registries
  std::chrono::seconds net_timeout{60};                  // of requests to registries
  bool waits_for_net = false;                            // without a limit
  bool prefetches = false;                               // all of an image in a registry
  bool verify = true;
  std::optional<View> view;  // of a single image; default: the kernel's if possible
  std::optional<EngineView> engine_view;
  std::optional<bool> acl;  // enforce POSIX ACLs; default: if the only mounted image has ACLs
  std::chrono::seconds idle_timeout{0};
  unsigned max_threads = 10;
  bool is_of_repositories = false;  // the mount shows a directory of layouts
  bool follow_links = false;        // also symlinks that leave the layout
  LogFormat log_format = LogFormat::text;
  std::string fsname;  // empty: the layout's name as given
};

// Returns the options of one -o argument ("name[=value],..."), without unescaping them. A comma after a
// backslash does not separate options.
std::vector<std::string_view> split_mount_options(std::string_view argument);

// Adds one -o argument to `options`. A later option overrides an earlier one. As in libfuse's options, "\,"
// is a comma, "\\" a backslash, and "\OOO" the byte with that octal number, up to "\377".
// Errc::invalid_argument for an unknown name, with the nearest known one, and for an invalid value. Accepts
// and ignores `ro`, `rw`, `defaults`, and the options that mount(8) and fstab handle themselves (auto,
// noauto, user, users, nouser, owner, group, nofail, _netdev, x-*, comment=).
Status add_mount_options(MountOptions& options, std::string_view argument);
// Adds one option ("name[=value]") without unescaping it. Errors as above.
Status add_mount_option(MountOptions& options, std::string_view option);

struct KnownMountOption {
  std::string_view name;
  std::string_view value;  // the kind of the value: "SIZE", "on|off"; empty if the option has none
};
// Returns all options except x-* and comment=.
std::vector<KnownMountOption> known_mount_options();

// Parses "512M", "1G" or "4096", in bytes and binary multiples; and "10m", "90" or "1h", by default in
// seconds. Errc::invalid_argument.
Result<std::uint64_t> parse_size(std::string_view text);
Result<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace layoutfs
