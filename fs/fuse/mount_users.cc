#include "fs/fuse/mount_users.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace layoutfs {
namespace {

namespace fs = std::filesystem;

bool is_on(const std::string& mount_point, std::string_view path) {
  return path.starts_with(mount_point) &&
         (path.size() == mount_point.size() || path[mount_point.size()] == '/');
}

bool is_link_on(const std::string& mount_point, const fs::path& link) {
  std::error_code failed;
  const fs::path target = fs::read_symlink(link, failed);
  return !failed && is_on(mount_point, target.native());
}

bool has_open_file(const std::string& mount_point, const fs::path& process) {
  std::error_code failed;
  for (fs::directory_iterator each(process / "fd", failed), end; !failed && each != end;
       each.increment(failed))
    if (is_link_on(mount_point, each->path())) return true;
  return false;
}

// "7f0c-7f0d r--p 00000000 00:39 12    /mnt/lib.so"
bool has_mapped_file(const std::string& mount_point, const fs::path& process) {
  std::ifstream maps(process / "maps");
  for (std::string line; std::getline(maps, line);) {
    const std::size_t path = line.find('/');
    if (path != std::string::npos && is_on(mount_point, std::string_view(line).substr(path))) return true;
  }
  return false;
}

std::string use_by(const std::string& mount_point, const fs::path& process) {
  if (is_link_on(mount_point, process / "cwd")) return "working directory";
  if (is_link_on(mount_point, process / "root")) return "root directory";
  if (has_open_file(mount_point, process)) return "open file";
  return has_mapped_file(mount_point, process) ? "mapped file" : "";
}

}  // namespace

std::vector<MountUser> users_of_mount(const std::string& mount_point) {
  std::vector<MountUser> users;
  std::error_code failed;
  for (fs::directory_iterator each("/proc", failed), end; !failed && each != end; each.increment(failed)) {
    const std::string name = each->path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size())
      continue;
    std::string use = use_by(mount_point, each->path());
    if (use.empty()) continue;
    std::string command;
    std::ifstream comm(each->path() / "comm");
    std::getline(comm, command);
    users.push_back({pid, std::move(command), std::move(use)});
  }
  std::ranges::sort(users, {}, &MountUser::pid);
  return users;
}

}  // namespace layoutfs
