#include "tools/extract/file_attributes_writer.h"

#include "core/base/path_in_proc.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace layoutfs::tools {
namespace {

constexpr mode_t kSetId = 06000;

mode_t current_umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

std::array<timespec, 2> times_of(const InodeView& inode) {
  timespec time{};
  time.tv_sec = inode.mtime.seconds;
  time.tv_nsec = static_cast<long>(inode.mtime.nanoseconds);
  return {time, time};
}

Error owner_error(const InodeView& inode) {
  return Error::system(errno, "owner " + std::to_string(inode.uid) + ":" + std::to_string(inode.gid))
      .with_hint("to become the owner of the files, use --no-same-owner");
}

}  // namespace

FileAttributesWriter::FileAttributesWriter(const ImageTree& tree, const WriterOptions& options,
                                           gid_t inherited_group)
    : attributes_(tree, {.ids = MountIds::of_this_process()}),
      options_(options),
      uid_(::geteuid()),
      gid_(inherited_group),
      umask_(current_umask()) {}

mode_t FileAttributesWriter::mode_of(const InodeView& inode) const {
  const mode_t mode = attributes_.mode(inode, true);
  return options_.are_owners_kept ? mode : mode & ~kSetId;
}

bool FileAttributesWriter::needs_owner(const InodeView& inode) const {
  return options_.are_owners_kept && (inode.uid != uid_ || inode.gid != gid_);
}

template <class Set>
Status FileAttributesWriter::set_xattrs(const InodeView& inode, Set set) const {
  if (inode.xattr_count == 0) return {};
  for (const std::string& name : attributes_.xattr_names(inode, true)) {
    if (!options_.is_root && !name.starts_with("user.") && !name.starts_with("system.posix_acl_")) continue;
    const auto value = attributes_.xattr(inode, name, true);
    if (value && set(name.c_str(), value->data(), value->size()) != 0)
      return fail(Error::system(errno, "extended attribute " + name));
  }
  return {};
}

// The order matters: chown(2) clears set-id bits and capabilities, and an ACL changes the group's bits.
Status FileAttributesWriter::apply(int fd, const InodeView& inode, bool is_movable) const {
  if (needs_owner(inode) && ::fchown(fd, inode.uid, inode.gid) != 0) return fail(owner_error(inode));
  const mode_t mode = mode_of(inode) | (is_movable ? S_IRWXU : 0);
  const bool is_directory = inode.type == EntryType::directory;
  // Only root may set an xattr of a file that its owner cannot write.
  const bool is_opened = !options_.is_root && inode.xattr_count != 0 && (mode & S_IWUSR) == 0;
  if (is_opened && ::fchmod(fd, mode | S_IWUSR) != 0) return fail(Error::system(errno, "mode"));
  if (!is_opened && (is_directory || (mode & ~mode_t{0777}) != 0 || (mode & umask_) != 0) &&
      ::fchmod(fd, mode) != 0)
    return fail(Error::system(errno, "mode"));
  if (auto done = set_xattrs(inode, [fd](const char* name, const void* value,
                                         std::size_t size) { return ::fsetxattr(fd, name, value, size, 0); });
      !done)
    return done;
  if (is_opened && ::fchmod(fd, mode) != 0) return fail(Error::system(errno, "mode"));
  if (::futimens(fd, times_of(inode).data()) != 0) return fail(Error::system(errno, "mtime"));
  return {};
}

Status FileAttributesWriter::apply_at(int directory, const std::string& name, const InodeView& inode) const {
  if (needs_owner(inode) &&
      ::fchownat(directory, name.c_str(), inode.uid, inode.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return fail(owner_error(inode));
  if (inode.type != EntryType::symlink && ::fchmodat(directory, name.c_str(), mode_of(inode), 0) != 0)
    return fail(Error::system(errno, "mode"));
  const std::string path = path_in_proc(directory) + "/" + name;
  if (auto done = set_xattrs(inode,
                             [&](const char* attribute, const void* value, std::size_t size) {
                               return ::lsetxattr(path.c_str(), attribute, value, size, 0);
                             });
      !done)
    return done;
  if (::utimensat(directory, name.c_str(), times_of(inode).data(), AT_SYMLINK_NOFOLLOW) != 0)
    return fail(Error::system(errno, "mtime"));
  return {};
}

}  // namespace layoutfs::tools
