// The files of an EROFS filesystem: those of an image's tree, or of a layer's with the whiteouts of
// overlayfs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/erofs/erofs_image.h"
#include "core/image/file_attributes.h"
#include "core/image/image_tree.h"

namespace layoutfs::erofs {

// The kernel enforces the ACLs of an EROFS.
inline constexpr bool kAreAclsEnforced = true;

// overlayfs has other whiteouts than layers (Linux, Documentation/filesystems/overlayfs.rst): a character
// device 0:0 hides a name of lower directories, and a directory with an xattr hides all of them. All such
// devices are one inode. They would be visible in a directory without a lower one, so a directory that hides
// all lower names has none, nor has any directory in it.
class ErofsTree {
 public:
  // `tree` must outlive this. Cost with ErofsContent::layer: linear in the entries.
  ErofsTree(const ImageTree& tree, ErofsContent content);

  const ImageTree& base() const noexcept { return tree_; }
  // Inodes have the numbers of the tree; the number after its last one is that of all whiteouts.
  std::size_t inode_count() const noexcept { return tree_.inode_count() + (whiteouts_ != 0 ? 1 : 0); }
  // Returns whether any name leads to the file; false for whiteouts of the layer.
  bool has_name(Inode file) const { return links_.empty() || links_[file] != 0; }
  InodeView inode(Inode number) const;
  // Returns the permission bits.
  std::uint32_t mode(const InodeView& inode) const { return attributes_.mode(inode, kAreAclsEnforced); }

  // The children of a directory in byte order of their names.
  class Children {
   public:
    std::size_t size() const { return is_changed_ ? changed_.size() : tree_->child_count(directory_); }
    DirectoryEntry operator[](std::size_t rank) const {
      return is_changed_ ? changed_[rank] : tree_->child(directory_, rank);
    }

   private:
    friend class ErofsTree;
    const ImageTree* tree_ = nullptr;
    Inode directory_ = 0;
    bool is_changed_ = false;
    std::vector<DirectoryEntry> changed_;
  };
  Children children(Inode directory) const;

  // Calls `each(name, value)`.
  template <class Each>
  void for_each_xattr(Inode number, const InodeView& inode, Each each) const {
    attributes_.for_each_xattr(inode, kAreAclsEnforced, each);
    if (has_mark(number, kIsOpaque)) each(kOpaqueXattr, std::string_view("y"));
  }

 private:
  static constexpr std::string_view kOpaqueXattr = "trusted.overlay.opaque";
  enum Mark : std::uint8_t {
    kIsShown = 1,   // a directory with a name
    kIsOpaque = 2,  // hides all names of lower layers
    kIsInside = 4,  // in an opaque directory
  };
  bool has_mark(Inode number, Mark mark) const {
    return number < marks_.size() && (marks_[number] & mark) != 0;
  }
  void mark(Inode directory);
  void mark_whiteouts(Inode directory, std::pair<std::size_t, std::size_t> range);
  std::pair<std::size_t, std::size_t> whiteouts_in(Inode directory) const;
  bool is_entry(Inode number) const;
  template <class Each>
  void for_each_hidden(Inode directory, std::pair<std::size_t, std::size_t> range, Each each) const;

  const ImageTree& tree_;
  const FileAttributes attributes_;
  std::uint32_t whiteouts_ = 0;  // names of devices
  // By Inode; empty if there are no whiteouts.
  std::vector<std::uint8_t> marks_;
  std::vector<std::uint32_t> links_;  // st_nlink
};

}  // namespace layoutfs::erofs
