#include "tools/chroot/upper_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "core/base/split.h"
#include "layoutfs/bytes.h"
#include "tools/chroot/image_root.h"
#include "tools/chroot/remove_tree.h"

namespace layoutfs::tools {
namespace {

constexpr const char* kManifest = "manifest";

// "/a/b" of "/a/b/c"; "" of "/a".
std::string directory_above(const std::string& path) { return path.substr(0, path.rfind('/')); }

// The place of a path of the image in the upper layer, for system calls with its descriptor.
std::string place_in_upper(const std::string& path) { return "." + path; }

bool remove_directory(const UniqueFd& upper, const std::string& path) {
  return ::unlinkat(upper.get(), place_in_upper(path).c_str(), AT_REMOVEDIR) == 0;
}

// Removes a mount point if it is as it was made: empty.
void remove_made(const UniqueFd& upper, const std::string& path) {
  const std::string place = place_in_upper(path);
  struct stat found;
  if (::fstatat(upper.get(), place.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (S_ISDIR(found.st_mode))
    remove_directory(upper, path);
  else if (S_ISREG(found.st_mode) && found.st_size == 0)
    ::unlinkat(upper.get(), place.c_str(), 0);
}

// The attributes that overlayfs does not use itself; nothing if the directory hides that of the image.
std::optional<std::size_t> count_xattrs(const UniqueFd& directory) {
  std::string names(std::size_t{64} << 10, '\0');
  const ssize_t size = ::flistxattr(directory.get(), names.data(), names.size());
  if (size < 0) return errno == ENOTSUP ? std::optional<std::size_t>(0) : std::nullopt;
  names.resize(static_cast<std::size_t>(size));
  std::size_t count = 0;
  for (const std::string& name : split(names, '\0')) {
    if (name == "trusted.overlay.opaque" || name == "user.overlay.opaque") return std::nullopt;
    if (!name.empty() && !name.starts_with("trusted.overlay.") && !name.starts_with("user.overlay.")) ++count;
  }
  return count;
}

// Whether a directory of the upper layer is the image's, copied up.
bool is_like_in(const Image& image, const UniqueFd& upper, const std::string& path) {
  const UniqueFd directory(
      ::openat(upper.get(), place_in_upper(path).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (!directory || ::fstat(directory.get(), &status) != 0) return false;
  const auto inode = image.resolve(path, false);
  if (!inode) return false;
  const InodeView original = image.tree().inode(*inode);
  const bool is_owner_same =
      are_users_missing() || (status.st_uid == original.uid && status.st_gid == original.gid);
  const auto xattrs = count_xattrs(directory);
  // The root directory is made without those of the image.
  const bool are_xattrs_same = xattrs == original.xattr_count || (xattrs == 0 && path.empty());
  return original.type == EntryType::directory && (status.st_mode & 07777) == original.mode &&
         is_owner_same && are_xattrs_same;
}

}  // namespace

Result<std::string> upper_owner(const UniqueFd& directory, const std::string& path) {
  constexpr std::size_t kLimit = 256;
  const auto file = open_at(directory.get(), kManifest, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file && file.error().code() == Errc::not_found) return "";
  if (!file) return fail(Error(file.error()), path);
  const auto text = read_all(file->get(), kManifest, kLimit);
  if (!text) return fail(Error(text.error()), path);
  return std::string(as_text(*text).substr(0, as_text(*text).find('\n')));
}

Result<UpperDirectory> UpperDirectory::take(const std::string& path, std::span<const UsedPath> used,
                                            const Digest& manifest) {
  UpperDirectory taken;
  if (path.empty()) return taken;
  for (const UsedPath& each : used) {
    if (each.path.empty()) continue;
    if (is_in(path, each.path))
      return fail(Errc::invalid_argument, "--upper " + path + ": inside " + each.what + " " + each.path);
    for (const char* below : {"/upper", "/work"})
      if (leads_through(each.path, path + below))
        return fail(Errc::invalid_argument, "--upper " + path + ": contains " + each.what + " " + each.path);
  }
  taken.path_ = path;
  taken.is_made_ = ::mkdir(path.c_str(), 0755) == 0;
  if (!taken.is_made_ && errno != EEXIST) return std::unexpected(Error::system(errno, path));
  auto directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!directory) return fail(std::move(directory).error());
  taken.directory_ = std::move(*directory);
  if (::flock(taken.directory_.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Errc::io, path + ": busy: another chroot writes to it");

  const auto owner = upper_owner(taken.directory_, path);
  if (!owner) return fail(Error(owner.error()));
  if (*owner == manifest.str()) return taken;
  if (!owner->empty())
    return fail(Errc::invalid_argument, "--upper " + path + ": it belongs to another image, " + *owner +
                                            ", and not to " + manifest.str());
  auto written = write_file_atomically(taken.directory_.get(), kManifest, as_bytes(manifest.str() + "\n"));
  if (!written) {
    if (taken.is_made_) ::rmdir(path.c_str());
    return fail(std::move(written).error(), path);
  }
  return taken;
}

void UpperDirectory::clean(const Image& image, const std::vector<std::string>& made, bool has_run) {
  if (!directory_) return;
  // A killed run may have left files in it.
  ignore(remove_tree(directory_.get(), "work"), "the next run removes it");

  const UniqueFd upper(::openat(directory_.get(), "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (upper) {
    for (auto path = made.rbegin(); path != made.rend(); ++path) remove_made(upper, *path);
    for (const std::string& path : made)
      for (std::string parent = directory_above(path); !parent.empty(); parent = directory_above(parent))
        if (!is_like_in(image, upper, parent) || !remove_directory(upper, parent)) break;
    if (is_like_in(image, upper, "")) ::unlinkat(directory_.get(), "upper", AT_REMOVEDIR);
  }
  struct stat found;
  if (::fstatat(directory_.get(), "upper", &found, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
    ::unlinkat(directory_.get(), kManifest, 0);
  if (is_made_ && !has_run) ::rmdir(path_.c_str());
}

}  // namespace layoutfs::tools
