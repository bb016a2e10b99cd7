#include "tools/chroot/kept_changes.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "tools/chroot/overlay_mounts.h"
#include "tools/chroot/upper_directory.h"

namespace layoutfs::tools {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
constexpr const char* kHint = "end the command or unmount the overlay first";

// A directory of `chroot --upper`: DIR with the file DIR/manifest.
struct Marked {
  UniqueFd directory;
  Digest manifest;
  bool is_parent = false;  // of the given directory, which is DIR/upper
};

// Returns nullopt if the directory has no such mark.
Result<std::optional<Marked>> marked(UniqueFd directory, const std::string& path) {
  const auto owner = upper_owner(directory, path);
  // An image may have a file of that name.
  if (!owner) return std::nullopt;
  auto manifest = Digest::parse(*owner);
  if (!manifest) return std::nullopt;
  return Marked{std::move(directory), std::move(*manifest), false};
}

// Returns the mark of `directory`, or that of its parent if `directory` is the parent's "upper".
Result<std::optional<Marked>> find_mark(const UniqueFd& directory, const struct stat& status,
                                        const std::string& path) {
  auto again = open_at(directory.get(), ".", kDirectory);
  if (!again) return fail(std::move(again).error(), path);
  auto own = marked(std::move(*again), path);
  if (!own || *own) return own;
  struct stat upper;
  auto parent = open_at(directory.get(), "..", kDirectory);
  if (!parent || ::fstatat(parent->get(), "upper", &upper, AT_SYMLINK_NOFOLLOW) != 0 ||
      upper.st_ino != status.st_ino || upper.st_dev != status.st_dev)
    return std::nullopt;
  auto above = marked(std::move(*parent), path);
  if (above && *above) (*above)->is_parent = true;
  return above;
}

Status check_access(const struct stat& status, const std::string& path) {
  if (::geteuid() == 0 || status.st_uid == ::geteuid()) return {};
  return fail(Error(Errc::invalid_argument, path + ": belongs to another user")
                  .with_hint("run the command as its owner or as root, who see all marks of overlayfs"));
}

}  // namespace

Result<KeptChanges> open_kept_changes(const std::string& path, const Digest& manifest) {
  KeptChanges changes{.upper = {}, .name = path, .lock = {}, .root_user = {}, .root_group = {}};
  auto directory = open_at(AT_FDCWD, path, kDirectory);
  if (!directory) return fail(std::move(directory).error());
  struct stat status;
  if (::fstat(directory->get(), &status) != 0) return std::unexpected(Error::system(errno, path));
  if (auto allowed = check_access(status, path); !allowed) return fail(std::move(allowed).error());
  auto mark = find_mark(*directory, status, path);
  if (!mark) return fail(std::move(mark).error());
  changes.upper = std::move(*directory);
  if (*mark) {
    Marked& found = **mark;
    if (::flock(found.directory.get(), LOCK_EX | LOCK_NB) != 0)
      return fail(Error(Errc::failed_precondition, path + ": in use by 'layoutfs chroot'").with_hint(kHint));
    if (found.manifest != manifest)
      return fail(Errc::invalid_argument, path + ": its changes belong to another image, " +
                                              found.manifest.str() + ", and not to " + manifest.str());
    // chroot maps an ordinary user to root, and no other IDs.
    if (::geteuid() != 0) {
      changes.root_user = ::geteuid();
      changes.root_group = ::getegid();
    }
    if (!found.is_parent) {
      auto below = open_at(found.directory.get(), "upper", kDirectory | O_NOFOLLOW);
      if (!below && below.error().code() != Errc::not_found) return fail(std::move(below).error(), path);
      if (!below) changes.upper.reset();
      if (!below) return changes;
      changes.upper = std::move(*below);
      changes.name += "/upper";
    }
    changes.lock = std::move(found.directory);
  }
  const auto is_in_use = is_upper_of_overlay(changes.upper);
  if (!is_in_use) return fail(Error(is_in_use.error()), path);
  if (*is_in_use)
    return fail(Error(Errc::failed_precondition, path + ": in use by a mounted overlay").with_hint(kHint));
  return changes;
}

}  // namespace layoutfs::tools
