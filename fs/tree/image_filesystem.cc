// The inodes of an image's tree with their attributes.
#include "fs/tree/image_filesystem.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/xattr_names.h"
#include "core/layer/data_offset.h"
#include "fs/tree/statistics.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// Returned by name but not listed, so that copies do not include it.
constexpr std::string_view kLayerXattr = "user.layoutfs.layer";
constexpr std::string_view kOffsetXattr = "user.layoutfs.offset";

mode_t type_bits(EntryType type) {
  switch (type) {
    case EntryType::file:
    case EntryType::hardlink:
      return S_IFREG;
    case EntryType::symlink:
      return S_IFLNK;
    case EntryType::character:
      return S_IFCHR;
    case EntryType::block:
      return S_IFBLK;
    case EntryType::directory:
      return S_IFDIR;
    case EntryType::fifo:
      return S_IFIFO;
  }
  return S_IFREG;
}

}  // namespace

ImageFilesystem::ImageFilesystem(ImagePtr image, Ownership ownership, InodeNumber base, AttributeRules rules,
                                 std::optional<bool> are_acls_wanted)
    : image_(std::move(image)),
      ownership_(ownership),
      base_(base),
      attributes_(image_->tree(), std::move(rules)),
      has_labels_(image_->tree().has_xattr(kLabelXattr)),
      are_acls_wanted_(are_acls_wanted.value_or(attributes_.has_acls())) {}

bool ImageFilesystem::has(InodeNumber node) const noexcept {
  return node > base_ && node - base_ <= image_->tree().inode_count();
}

struct stat ImageFilesystem::stat_of(Inode number) const {
  const InodeView inode = image_->tree().inode(number);
  struct stat result{};
  result.st_ino = base_ + number;
  result.st_mode = type_bits(inode.type) | attributes_.mode(inode, are_acls_enforced_);
  result.st_nlink = inode.nlink;
  result.st_uid = ownership_.uid.value_or(inode.uid);
  result.st_gid = ownership_.gid.value_or(inode.gid);
  result.st_size = static_cast<off_t>(inode.size);
  result.st_blksize = 4096;
  result.st_blocks = static_cast<blkcnt_t>((inode.stored + 511) / 512);
  if (inode.type == EntryType::character || inode.type == EntryType::block)
    result.st_rdev = makedev(inode.device_major, inode.device_minor);
  result.st_mtim = {.tv_sec = inode.mtime.seconds, .tv_nsec = static_cast<long>(inode.mtime.nanoseconds)};
  result.st_atim = result.st_mtim;
  result.st_ctim = result.st_mtim;
  return result;
}

Answer<LookupResult> ImageFilesystem::lookup(InodeNumber directory, std::string_view name,
                                             const Context& /*context*/) {
  if (!has(directory)) return std::unexpected(ENOENT);
  const auto found = image_->tree().find(directory - base_, name);
  if (!found) return LookupResult{.inode = 0, .attributes = {}, .valid = kForever};
  return LookupResult{.inode = base_ + *found, .attributes = {stat_of(*found), kForever}, .valid = kForever};
}

Answer<Attributes> ImageFilesystem::attributes(InodeNumber node, const Context& /*context*/) {
  if (!has(node)) return std::unexpected(ENOENT);
  return Attributes{stat_of(node - base_), kForever};
}

Answer<std::string> ImageFilesystem::readlink(InodeNumber node, const Context& /*context*/) {
  if (!has(node)) return std::unexpected(ENOENT);
  const InodeView inode = image_->tree().inode(node - base_);
  if (inode.type != EntryType::symlink) return std::unexpected(EINVAL);
  return std::string(inode.target);
}

Answer<void> ImageFilesystem::read(InodeNumber node, IoBuffers& out, std::size_t size, std::uint64_t offset,
                                   const Context& context) {
  if (!has(node)) return std::unexpected(ENOENT);
  const auto got = image_->read(node - base_, out, size, offset, context);
  if (got) return {};
  if (got.error().code() == Errc::cancelled) return std::unexpected(EINTR);
  // The layer has told it to the log, once for all files.
  log(LogLevel::debug, "inode " + std::to_string(node - base_) + " at byte " + std::to_string(offset) + ": " +
                           got.error().message());
  // If a layer is damaged now, its files exist but cannot be read.
  return std::unexpected(EIO);
}

Answer<void> ImageFilesystem::readdir(InodeNumber directory, std::uint64_t cookie,
                                      const std::function<bool(const Listed&)>& add,
                                      const Context& /*context*/) {
  if (!has(directory)) return std::unexpected(ENOENT);
  const ImageTree& tree = image_->tree();
  const Inode number = directory - base_;
  const InodeView inode = tree.inode(number);
  if (inode.type != EntryType::directory) return std::unexpected(ENOTDIR);
  if (cookie < 1 && !add({".", directory, S_IFDIR, 1})) return {};
  if (cookie < 2 && !add({"..", base_ + inode.parent, S_IFDIR, 2})) return {};
  const std::size_t count = tree.child_count(number);
  for (std::uint64_t rank = cookie < 2 ? 0 : cookie - 2; rank < count; ++rank) {
    const DirectoryEntry child = tree.child(number, static_cast<std::size_t>(rank));
    if (!add({child.name, base_ + child.inode, type_bits(tree.inode(child.inode).type), rank + 3})) break;
  }
  return {};
}

Answer<std::string> ImageFilesystem::getxattr(InodeNumber node, std::string_view name,
                                              const Context& /*context*/) {
  if (!has(node)) return std::unexpected(ENOENT);
  const InodeView inode = image_->tree().inode(node - base_);
  if (auto stored = attributes_.xattr(inode, name, are_acls_enforced_)) return std::move(*stored);
  if (name == kStatisticsXattr && node == base_ + kRootInode && statistics_) return statistics_();
  if (inode.type != EntryType::file) return std::unexpected(ENODATA);
  if (name == kLayerXattr) return image_->layer_of(inode).str();
  if (name == kOffsetXattr) return std::to_string(data_offset(inode).value_or(inode.stream_offset));
  return std::unexpected(ENODATA);
}

Answer<std::vector<std::string>> ImageFilesystem::listxattr(InodeNumber node, const Context& /*context*/) {
  if (!has(node)) return std::unexpected(ENOENT);
  const InodeView inode = image_->tree().inode(node - base_);
  return attributes_.xattr_names(inode, are_acls_enforced_);
}

Answer<std::uint64_t> ImageFilesystem::seek(InodeNumber node, std::uint64_t offset, int whence,
                                            const Context& /*context*/) {
  if (!has(node)) return std::unexpected(ENOENT);
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return std::unexpected(EINVAL);
  const auto found =
      image_->seek(node - base_, offset, whence == SEEK_DATA ? Image::Seek::data : Image::Seek::hole);
  if (!found) return std::unexpected(ENXIO);
  return *found;
}

// The tree never changes: compute it once, so that df(1) need not visit all inodes each time.
Filesystem::Totals ImageFilesystem::totals() {
  std::call_once(are_totals_known_, [this] {
    const ImageTree& tree = image_->tree();
    totals_.inodes = tree.inode_count();
    for (Inode inode = kRootInode; inode <= tree.inode_count(); ++inode)
      totals_.bytes += tree.inode(inode).stored;
  });
  return totals_;
}

}  // namespace layoutfs
