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
  std::uint32_t nlink;           // directories: 2 plus the number of sub-directories
  Timestamp mtime;
  std::uint32_t device_major, device_minor;
  std::uint64_t size;           // files: content; symlinks: length of the target; directories: 0
  std::uint64_t stored;         // files: stored bytes, without holes
  std::uint32_t layer;          // files: position of the layer with the data, from the base up
  std::uint64_t stream_offset;  // non-sparse files: offset of the data in that layer's stream
  std::span<const Extent> extents;
  std::string_view target;  // symlinks
  std::uint32_t first_xattr, xattr_count;
  Inode parent;  // directories: the parent; the root's is the root
};

struct DirectoryEntry {
  std::string_view name;
  Inode inode;
};

// Immutable.
class ImageTree {
 public:
  // Opens the content of a tree file. Errc::corrupt if it is damaged, or belongs to another version or image.
  // Cost: linear in the tables, which are checked once.
  static Result<std::shared_ptr<const ImageTree>> open(SharedBytes file, const Digest& image);
  ~ImageTree();

  // Returns the number of layers; every InodeView::layer is below it.
  std::size_t layer_count() const noexcept;
  std::size_t inode_count() const noexcept;
  // Precondition: `inode` is in range.
  InodeView inode(Inode inode) const;
  // Returns a child of a directory by binary search; nullopt if there is none, or if it is not a directory.
  std::optional<Inode> find(Inode directory, std::string_view name) const;
  // Return the number of children of a directory, and one of them by its rank in byte order of names.
  std::size_t child_count(Inode directory) const;
  DirectoryEntry child(Inode directory, std::size_t rank) const;
  // Returns the path of a directory: "etc/ssl"; "" for the root. Cost: linear in the numbers of entries of
  // the directories above it.
  std::string path_of(Inode directory) const;
  // `number` starts at InodeView::first_xattr; sorted by name for each inode.
  std::pair<std::string_view, std::string_view> xattr(std::uint32_t number) const;
  // Returns whether any inode has an xattr of that name. Cost: linear in the number of xattrs.
  bool has_xattr(std::string_view name) const;
  // Returns one sentence for each layer entry that could not be applied; at most kMaxProblems.
  std::vector<std::string> problems() const;
  static constexpr std::size_t kMaxProblems = 100;

 private:
  struct State;
  explicit ImageTree(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace layoutfs
