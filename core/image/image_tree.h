// One image's filesystem as sorted tables: inodes, directory entries, extents. Used in place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/layer/layer_index.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/images.h"

namespace layoutfs {

struct InodeView {
  EntryType type;  // never hardlink
  bool is_sparse;
  std::uint32_t mode, uid, gid;  // mode: the twelve permission bits
  std::uint32_t nlink;           // directories: 2 and one for each sub-directory
  Timestamp mtime;
  std::uint32_t device_major, device_minor;
  std::uint64_t size;           // files: content; symlinks: length of the target; directories: 0
  std::uint64_t stored;         // files: bytes that are stored, holes excluded
  std::uint32_t layer;          // files: position of the layer, from the base up, that holds the data
  std::uint64_t stream_offset;  // files that are not sparse: of the data in that layer's stream
  std::span<const Extent> extents;
  std::string_view target;  // symlinks
  std::uint32_t first_xattr, xattr_count;
  Inode parent;  // directories: the directory above; the root's is the root
};

struct DirectoryEntry {
  std::string_view name;
  Inode inode;
};

// Immutable.
class ImageTree {
 public:
  // Takes the content of a tree file. Errc::corrupt where it is damaged, of another version, or of another
  // image.
  static Result<std::shared_ptr<const ImageTree>> open(SharedBytes file, const Digest& image);
  ~ImageTree();

  // How many layers the files are in: every InodeView::layer is below.
  std::size_t layer_count() const noexcept;
  std::size_t inode_count() const noexcept;
  // `inode` must be in range.
  InodeView inode(Inode inode) const;
  // The child of a directory, found by binary search; nothing where it has none or is no directory.
  std::optional<Inode> find(Inode directory, std::string_view name) const;
  // How many children a directory has, and one of them, by its rank in the byte order of names.
  std::size_t child_count(Inode directory) const;
  DirectoryEntry child(Inode directory, std::size_t rank) const;
  // `number` from InodeView::first_xattr on; sorted by name for each inode.
  std::pair<std::string_view, std::string_view> xattr(std::uint32_t number) const;
  // Whether any of the xattrs is a POSIX ACL, by its name. Cost: linear in the number of xattrs.
  bool has_acls() const;
  // One sentence for each entry of the layers that could not be applied; at most kMaxProblems of them.
  std::vector<std::string> problems() const;
  static constexpr std::size_t kMaxProblems = 100;

 private:
  struct State;
  explicit ImageTree(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace layoutfs
