// The permissions and xattrs of an image's files, limited to those that Linux allows (xattr(7), acl(5),
// capabilities(7)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/user_namespace.h"
#include "core/image/image_tree.h"

namespace layoutfs {

// The user and group IDs in the user namespace of a mount.
struct MountIds {
  KnownIds users, groups;
  bool is_first_namespace = true;  // otherwise root may not read trusted.*

  static MountIds of_this_process();
  // Returns the IDs of a namespace that has only root.
  static MountIds of_root_alone();
};

struct AttributeRules {
  // Hide xattrs that overlayfs uses for its own layers: another overlayfs on top would interpret the marks of
  // the layer from which the image was packed.
  bool is_overlay_hidden = true;
  MountIds ids;
};

// Returns whether overlayfs reserves an xattr, e.g. trusted.overlay.opaque.
bool is_overlay_xattr(std::string_view name);

// Shows an xattr only if it can be read and set on Linux. Hides user.* of special files, unknown namespaces,
// in a user namespace those that its root cannot set, malformed ACLs and capabilities, and values that are
// too long. ACLs are shown only if the kernel enforces them. Thread-safe.
class FileAttributes {
 public:
  // `tree` must outlive this.
  FileAttributes(const ImageTree& tree, AttributeRules rules);
  bool has_acls() const noexcept { return has_acls_; }

  // Returns the permission bits. If the ACL of a file is not enforced, without those that could grant access
  // that it denies.
  std::uint32_t mode(const InodeView& inode, bool are_acls_enforced) const;
  // Returns nullopt if there is no such xattr or it is hidden.
  std::optional<std::string> xattr(const InodeView& inode, std::string_view name,
                                   bool are_acls_enforced) const;
  // Returns the names of visible xattrs, up to the kernel's limit for their total length.
  std::vector<std::string> xattr_names(const InodeView& inode, bool are_acls_enforced) const;
  // Calls `each(name, value)` for these xattrs, in the order of their names. Allocates memory only for ACLs.
  template <class Each>
  void for_each_xattr(const InodeView& inode, bool are_acls_enforced, Each each) const {
    std::size_t size = 0;
    for (std::uint32_t i = 0; i < inode.xattr_count; ++i) {
      const auto [name, value] = tree_.xattr(inode.first_xattr + i);
      std::string acl;
      const auto shown = shown_value(inode, name, value, are_acls_enforced, acl);
      if (!shown) continue;
      size += name.size() + 1;  // including a NUL
      // Linux could not return a longer list.
      if (size > kLongestXattrList) break;
      each(name, *shown);
    }
  }

 private:
  static constexpr std::size_t kLongestXattrList = 65'536;  // XATTR_LIST_MAX

  // Returns nullopt if it is hidden. The value of an ACL is put into `acl`.
  std::optional<std::string_view> shown_value(const InodeView& inode, std::string_view name,
                                              std::string_view value, bool are_acls_enforced,
                                              std::string& acl) const;
  bool is_shown(const InodeView& inode, std::string_view name, std::string_view value) const;
  std::optional<std::string> acl(const InodeView& inode, std::string_view name, std::string_view value) const;
  std::optional<std::string_view> stored(const InodeView& inode, std::string_view name) const;

  const ImageTree& tree_;
  const AttributeRules rules_;
  const bool has_acls_;
};

}  // namespace layoutfs
