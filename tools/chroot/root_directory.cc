#include "tools/chroot/root_directory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/base/beneath.h"
#include "core/base/file.h"
#include "core/base/split.h"

namespace layoutfs::tools {
namespace {

std::unexpected<Error> failed(int errno_value, const std::string& path) {
  return std::unexpected(Error::system(errno_value, path));
}

// Returns nullopt and sets errno on failure.
std::optional<struct stat> status_of(const std::string& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Returns whether a file is on proc(5). Its links lead to open files, regardless of their text.
bool is_in_proc(const std::string& path) {
  struct statfs filesystem;
  return ::statfs((parent_of(path) + "/.").c_str(), &filesystem) != 0 ||
         filesystem.f_type == PROC_SUPER_MAGIC;
}

// Returns an empty string and sets errno on failure; no symlink has an empty target.
std::string target_of(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  target.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return target;
}

// Pushes the names in `path` on the stack, the first one last.
void push_names(std::vector<std::string>& names, const std::string& path) {
  const auto parts = split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part)
    if (!part->empty() && *part != ".") names.push_back(*part);
}

}  // namespace

bool RootDirectory::make(const std::string& place, mode_t mode) {
  if (::mkdir((root_ + place).c_str(), mode) != 0) return false;
  made_.push_back(place);
  return true;
}

Result<std::string> RootDirectory::place_of(const std::string& path) {
  std::vector<std::string> pending;
  push_names(pending, path);
  std::string place;
  int links = 0;
  while (!pending.empty()) {
    const std::string name = std::move(pending.back());
    pending.pop_back();
    if (name == "..") {
      if (!place.empty()) place = parent_of(place);
      continue;
    }
    const std::string next = place + "/" + name;
    const auto found = status_of(root_ + next);
    if (!found && errno != ENOENT) return failed(errno, path);
    if (!found && pending.empty()) return next;
    if (!found && !make(next, 0755)) return failed(errno, next);
    if (found && S_ISLNK(found->st_mode)) {
      const std::string target = target_of(root_ + next);
      if (target.empty()) return failed(errno, next);
      if (++links > kMaxLinks || is_in_proc(root_ + next)) return failed(ELOOP, path);
      if (target.starts_with('/')) place.clear();
      push_names(pending, target);
      continue;
    }
    if (found && !S_ISDIR(found->st_mode) && !pending.empty()) return failed(ENOTDIR, next);
    place = next;
  }
  return place;
}

Status RootDirectory::remove(const std::string& path) const {
  std::error_code why;
  std::filesystem::remove_all(root_ + path, why);
  if (why) return failed(why.value(), path);
  return {};
}

Status RootDirectory::make_directory(const std::string& path, mode_t mode) {
  const auto found = status_of(root_ + path);
  if (found && S_ISDIR(found->st_mode)) return {};
  if (found && ::unlink((root_ + path).c_str()) != 0) return failed(errno, path);
  if (!make(path, mode)) return failed(errno, path);
  return {};
}

Result<std::string> RootDirectory::make_directories(const std::string& path) {
  auto place = place_of(path);
  if (!place) return place;
  const auto found = status_of(root_ + *place + "/.");
  if (found) return place;
  if (errno != ENOENT || !make(*place, 0755)) return failed(errno, path);
  return place;
}

Result<std::string> RootDirectory::make_parent(const std::string& path) {
  std::string parent = parent_of(path);
  auto place = make_directories(parent);
  if (place) return place;
  if (auto made = make_directory(parent, 0755); !made) return fail(std::move(made).error());
  return parent;
}

bool RootDirectory::is_file_or_free(const std::string& place) const {
  if (place.empty()) return false;  // the root
  const auto root = status_of(root_ + "/.");
  const auto parent = status_of(root_ + parent_of(place) + "/.");
  if (!root || !parent || parent->st_dev != root->st_dev) return false;
  const auto found = status_of(root_ + place);
  return found ? S_ISREG(found->st_mode) : errno == ENOENT;
}

Result<std::string> RootDirectory::make_file(const std::string& path) {
  const auto parent = make_parent(path);
  if (!parent) return parent;
  const auto led_to = place_of(path);
  std::string place = *parent + path.substr(path.rfind('/'));
  if (led_to && is_file_or_free(*led_to)) {
    place = *led_to;
  } else if (auto removed = remove(place); !removed) {
    return fail(std::move(removed).error());
  }
  if (status_of(root_ + place)) return place;
  const UniqueFd made(::open((root_ + place).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!made) return failed(errno, place);
  made_.push_back(place);
  return place;
}

}  // namespace layoutfs::tools
