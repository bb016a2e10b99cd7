// Depth first, with one open directory: the one that is being emptied. The directories above it are found
// again through "..", and compared with their numbers, in case somebody moves a directory meanwhile.
#include "tools/chroot/remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/beneath.h"
#include "core/base/file.h"
#include "core/base/path_in_proc.h"
#include "core/cas/layout_dir.h"

namespace layoutfs::tools {
namespace {

constexpr int kSubDirectory = O_DIRECTORY | O_NOFOLLOW;

// Returns the number of the mount of an open file (proc(5)). nullopt if the kernel does not tell it.
std::optional<std::string> mount_of(int file) {
  constexpr std::string_view kMount = "mnt_id:";
  std::ifstream lines("/proc/self/fdinfo/" + std::to_string(file));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(kMount)) return line.substr(kMount.size());
  return std::nullopt;
}

// Opens a sub-directory on the same mount with O_PATH. EXDEV if it is on another one, or may be.
Result<UniqueFd> open_on_same_mount(int parent, const std::string& name, MountCheck check) {
  if (check == MountCheck::by_openat2) {
    UniqueFd fd(open_resolved(parent, name, O_PATH | kSubDirectory, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS));
    if (fd) return fd;
    if (errno != ENOSYS && errno != EPERM) return std::unexpected(Error::system(errno, name));
  }
  // A bind mount may be of the same file system, so the device is not enough.
  auto opened = open_at(parent, name, O_PATH | kSubDirectory);
  if (!opened) return opened;
  const auto above = mount_of(parent), found = mount_of(opened->get());
  if (!above || above != found) return std::unexpected(Error::system(EXDEV, name));
  return opened;
}

class TreeRemoval {
 public:
  TreeRemoval(int parent, MountCheck check) : parent_(parent), check_(check) {}

  Status run(const std::string& name) {
    if (auto entered = enter(parent_, name); !entered) return entered;
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.directories.empty()) {
        if (auto left = leave(); !left) return first_failure_ ? std::move(left) : std::move(first_failure_);
        continue;
      }
      const std::string next = std::move(level.directories.back());
      level.directories.pop_back();
      note(enter(open_.get(), next));
    }
    return std::move(first_failure_);
  }

 private:
  struct Level {
    std::string name;
    dev_t device;
    ino_t inode;
    std::vector<std::string> directories;  // not yet entered
  };

  void note(Status done) {
    if (done || done.error().code() == Errc::not_found) return;
    if (first_failure_) first_failure_ = std::move(done);
  }

  // Opens a directory, and removes everything in it except directories.
  Status enter(int above, const std::string& name) {
    auto handle = open_on_same_mount(above, name, check_);
    if (!handle) return fail(std::move(handle).error());
    const auto status = stat_of(handle->get(), name);
    if (!status) return fail(Error(status.error()));
    if (status->st_uid == ::geteuid() && (status->st_mode & S_IRWXU) != S_IRWXU)
      ::chmod(path_in_proc(handle->get()).c_str(), S_IRWXU);
    auto opened = open_at(handle->get(), ".", O_RDONLY | O_DIRECTORY);
    if (!opened) return fail(std::move(opened).error(), name);
    Level level{.name = name, .device = status->st_dev, .inode = status->st_ino, .directories = {}};
    std::vector<std::string> others;
    auto listing = open_at(opened->get(), ".", O_RDONLY | O_DIRECTORY);
    if (!listing) return fail(std::move(listing).error(), name);
    auto listed = for_each_entry(std::move(*listing), name, [&](const char* entry, unsigned char type) {
      (type == DT_DIR ? level.directories : others).emplace_back(entry);
      return Status();
    });
    if (!listed) return listed;
    for (const std::string& each : others)
      if (::unlinkat(opened->get(), each.c_str(), 0) != 0) note(fail(Error::system(errno, each)));
    open_ = std::move(*opened);
    levels_.push_back(std::move(level));
    return {};
  }

  // Removes the directory of the last level, and returns to that of the one above.
  Status leave() {
    const std::string name = std::move(levels_.back().name);
    levels_.pop_back();
    int above = parent_;
    UniqueFd opened;
    if (!levels_.empty()) {
      auto found = open_at(open_.get(), "..", O_RDONLY | kSubDirectory);
      if (!found) return fail(std::move(found).error(), name);
      const auto status = stat_of(found->get(), name);
      if (!status) return fail(Error(status.error()));
      if (status->st_dev != levels_.back().device || status->st_ino != levels_.back().inode)
        return fail(Errc::io, name + ": moved while it was being removed");
      opened = std::move(*found);
      above = opened.get();
    }
    if (::unlinkat(above, name.c_str(), AT_REMOVEDIR) != 0) note(fail(Error::system(errno, name)));
    open_ = std::move(opened);
    return {};
  }

  const int parent_;
  const MountCheck check_;
  UniqueFd open_;  // the directory of the last level
  std::vector<Level> levels_;
  Status first_failure_;
};

}  // namespace

Status remove_tree(int parent, const std::string& name, MountCheck check) {
  return TreeRemoval(parent, check).run(name);
}

}  // namespace layoutfs::tools
