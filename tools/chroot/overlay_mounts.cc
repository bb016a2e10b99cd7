#include "tools/chroot/overlay_mounts.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/base/path_in_proc.h"
#include "core/base/split.h"
#include "fs/fuse/mount_table.h"

namespace layoutfs::tools {
namespace {

struct UpperMount {
  std::string upper, mount_point;
};

// Parses a line of mountinfo (proc(5)). Returns nullopt if it is not of an overlay with an upper directory.
std::optional<UpperMount> parse_upper(const std::string& line) {
  constexpr std::string_view kOverlay = " - overlay ";
  constexpr std::string_view kUpper = "upperdir=";
  constexpr std::size_t kMountPoint = 4;
  const auto type = line.find(kOverlay);
  if (type == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields = split(std::string_view(line).substr(0, type), ' ');
  // The source, a blank, and the options of the file system.
  const auto options = line.find(' ', type + kOverlay.size());
  if (options == std::string::npos || fields.size() <= kMountPoint) return std::nullopt;
  for (const std::string& option : split(std::string_view(line).substr(options + 1), ','))
    if (option.starts_with(kUpper))
      return UpperMount{unescape_mount_point(option.substr(kUpper.size())),
                        unescape_mount_point(fields[kMountPoint])};
  return std::nullopt;
}

bool are_equal(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

struct Directory {
  std::string path;
  struct stat status;

  // `root` is the root directory of a process in the namespace of the mount.
  bool is_upper_of(const UpperMount& mount, const std::string& root) const {
    struct stat found;
    if (mount.upper.starts_with('/'))
      return ::stat((root + mount.upper).c_str(), &found) == 0 && found.st_dev == status.st_dev &&
             found.st_ino == status.st_ino;
    // overlayfs shows the attributes of the upper directory at its root.
    return path.ends_with("/" + mount.upper) && ::stat((root + mount.mount_point).c_str(), &found) == 0 &&
           are_equal(found.st_mtim, status.st_mtim) && are_equal(found.st_ctim, status.st_ctim);
  }

  Result<bool> is_in_table(const std::string& table, const std::string& root) const {
    std::ifstream lines(table);
    if (!lines) return fail(Errc::io, table + ": cannot be opened");
    for (std::string line; std::getline(lines, line);)
      if (const auto mount = parse_upper(line); mount && is_upper_of(*mount, root)) return true;
    if (lines.bad()) return fail(Errc::io, table + ": cannot be read");
    return false;
  }
};

bool is_number(const std::string& name) {
  return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<bool> is_upper_of_overlay(const UniqueFd& opened) {
  namespace fs = std::filesystem;
  std::error_code failed;
  Directory directory{.path = fs::read_symlink(path_in_proc(opened.get()), failed).string(), .status = {}};
  if (failed) return std::unexpected(Error::system(failed.value(), "/proc/self/fd"));
  if (::fstat(opened.get(), &directory.status) != 0)
    return std::unexpected(Error::system(errno, directory.path));
  auto is_in_own = directory.is_in_table("/proc/self/mountinfo", "");
  if (!is_in_own || *is_in_own) return is_in_own;
  std::set<std::string> namespaces{fs::read_symlink("/proc/self/ns/mnt", failed).string()};
  for (fs::directory_iterator each("/proc", failed), end; !failed && each != end; each.increment(failed)) {
    const std::string process = each->path().string();
    if (!is_number(each->path().filename().string())) continue;
    std::error_code refused;  // the process may have ended, or belong to another user
    const std::string name = fs::read_symlink(process + "/ns/mnt", refused).string();
    if (refused || !namespaces.insert(name).second) continue;
    if (directory.is_in_table(process + "/mountinfo", process + "/root").value_or(false)) return true;
  }
  if (failed) return std::unexpected(Error::system(failed.value(), "/proc"));
  return false;
}

}  // namespace layoutfs::tools
