// PARENT/layoutfs-chroot-NAME, of mode 0700, has only the directory `changes`, which UpperDirectory uses.
//
// The owner holds a lock, flock(2), on the outer directory. The first process of the command's pid namespace
// and the server of the image inherit it, so it is free only when all of them have ended, however they did. A
// directory that can be locked is therefore left over. Its remover holds the lock meanwhile, so that others
// skip it. If a remover locks a new directory before its owner does, the owner makes another one.
#include "tools/chroot/temporary_upper.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/environment.h"
#include "core/cas/layout_dir.h"
#include "layoutfs/log.h"
#include "tools/chroot/overlay_mounts.h"
#include "tools/chroot/remove_tree.h"

namespace layoutfs::tools {
namespace {

constexpr std::string_view kPrefix = "layoutfs-chroot-";  // followed by random_name()
constexpr const char* kChanges = "changes";
constexpr int kOwnDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

bool is_temporary_upper_name(std::string_view name) {
  constexpr std::size_t kDigits = 16;
  return name.size() == kPrefix.size() + kDigits && name.starts_with(kPrefix) &&
         name.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

// Returns whether `name` is still that of the open directory.
bool is_named(const UniqueFd& directory, const UniqueFd& parent, const std::string& name) {
  struct stat mine, there;
  return ::fstat(directory.get(), &mine) == 0 &&
         ::fstatat(parent.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

// Returns whether this user has created the directory, for nobody else.
bool is_private(const UniqueFd& directory) {
  struct stat status;
  return ::fstat(directory.get(), &status) == 0 && status.st_uid == ::geteuid() &&
         (status.st_mode & 0777) == 0700;
}

bool has_only_changes(const UniqueFd& directory) {
  auto listing = open_at(directory.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!listing) return false;
  const auto check_name = [](std::string_view entry, unsigned char) -> Status {
    return entry == kChanges ? Status() : fail(Errc::invalid_argument, "another file");
  };
  return for_each_entry(std::move(*listing), kChanges, check_name).has_value();
}

// The mount may have outlived the processes, for example if a process has entered its namespace.
bool is_mounted(const UniqueFd& directory) {
  const auto changes = open_at(directory.get(), kChanges, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!changes) return false;
  const auto upper = open_at(changes->get(), "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!upper) return false;
  const auto mounted = is_upper_of_overlay(*upper);
  return !mounted || *mounted;
}

// Removes an outer directory. `place` begins the warning if that fails.
void remove_outer(const UniqueFd& parent, const std::string& name, const UniqueFd& directory,
                  const std::string& place) {
  if (auto removed = remove_tree(directory.get(), kChanges);
      !removed && removed.error().code() != Errc::not_found)
    log(LogLevel::warning, place + " cannot be removed: " + removed.error().message());
  ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR);
}

void remove_if_left_over(const UniqueFd& parent, const std::string& name) {
  const auto directory = open_at(parent.get(), name, kOwnDirectory);
  if (!directory || !is_private(*directory)) return;
  // On a file system without locks, nothing is removed.
  if (lock_file(directory->get(), LOCK_EX | LOCK_NB) != 0) return;
  if (!is_named(*directory, parent, name) || !has_only_changes(*directory) || is_mounted(*directory)) return;
  remove_outer(parent, name, *directory, name + ": left over, and");
}

void remove_left_over(const UniqueFd& parent) {
  auto listing = open_at(parent.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!listing) return;
  std::vector<std::string> names;
  const auto collect = [&](const char* name, unsigned char) {
    if (is_temporary_upper_name(name)) names.emplace_back(name);
    return Status();
  };
  ignore(for_each_entry(std::move(*listing), "", collect), "the next run removes what is left over");
  for (const std::string& name : names) remove_if_left_over(parent, name);
}

}  // namespace

Result<TemporaryUpper> TemporaryUpper::create() {
  std::string parent_path = environment_variable("TMPDIR");
  if (parent_path.empty()) parent_path = "/var/tmp";
  auto parent = open_at(AT_FDCWD, parent_path, O_PATH | O_DIRECTORY);
  if (!parent) return fail(std::move(parent).error());
  remove_left_over(*parent);
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = std::string(kPrefix) + random_name();
    if (::mkdirat(parent->get(), name.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      return std::unexpected(Error::system(errno, parent_path + "/" + name));
    }
    auto directory = open_at(parent->get(), name, kOwnDirectory);
    if (!directory && directory.error().code() == Errc::not_found) continue;
    if (!directory) {
      ::unlinkat(parent->get(), name.c_str(), AT_REMOVEDIR);
      return fail(std::move(directory).error(), parent_path);
    }
    // On a file system without locks, no process removes it either.
    if (lock_file(directory->get(), LOCK_EX | LOCK_NB) == EWOULDBLOCK) continue;
    if (!is_named(*directory, *parent, name)) continue;
    return TemporaryUpper(std::move(parent_path), std::move(*parent), std::move(name), std::move(*directory));
  }
  return fail(Errc::io, parent_path + ": cannot create a directory: other processes keep removing it");
}

TemporaryUpper::~TemporaryUpper() {
  if (directory_) remove_outer(parent_, name_, directory_, path() + ":");
}

std::string TemporaryUpper::path() const { return parent_path_ + "/" + name_ + "/" + kChanges; }

}  // namespace layoutfs::tools
