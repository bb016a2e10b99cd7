// The permissions and xattrs of an image's files, as Linux can have them (xattr(7), acl(5), capabilities(7)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/user_namespace.h"
#include "core/image/image_tree.h"

namespace layoutfs {

// The numbers of users and groups that the user namespace of a mount knows.
struct MountIds {
  KnownIds users, groups;
  bool is_first_namespace = true;  // only there is root allowed to read trusted.*

  static MountIds of_this_process();
  // Of a namespace that knows root alone.
  static MountIds of_root_alone();
};

struct AttributeRules {
  // Whether what overlayfs keeps about its own layers in xattrs is hidden: in a root filesystem, it would
  // make another overlayfs on top follow the marks of the one that the layer was packed from.
  bool is_overlay_hidden = true;
  MountIds ids;
};

// Whether overlayfs reserves an xattr for itself, as trusted.overlay.opaque.
bool is_overlay_xattr(std::string_view name);

// Shows an xattr only if it can be read, which the kernel or any filesystem of Linux would refuse otherwise:
// user.* of what is neither a file nor a directory, namespaces that Linux does not have, in a user namespace
// those that its root cannot give to a file, malformed values of ACLs and capabilities, and what is too long.
// ACLs are shown only if the kernel enforces them. Thread-safe.
class FileAttributes {
 public:
  // `tree` must outlive this.
  FileAttributes(const ImageTree& tree, AttributeRules rules);
  bool has_acls() const noexcept { return has_acls_; }

  // The permission bits. If the ACL of a file is not enforced, without those that could grant what it denies.
  std::uint32_t mode(const InodeView& inode, bool are_acls_enforced) const;
  // Returns nothing if there is no such xattr, or it is not shown.
  std::optional<std::string> xattr(const InodeView& inode, std::string_view name,
                                   bool are_acls_enforced) const;
  // Those of the xattrs that are shown, as far as their names together are as long as the kernel takes.
  std::vector<std::string> xattr_names(const InodeView& inode, bool are_acls_enforced) const;

 private:
  bool is_shown(const InodeView& inode, std::string_view name, std::string_view value,
                bool are_acls_enforced) const;
  std::optional<std::string> acl(const InodeView& inode, std::string_view name, std::string_view value) const;
  std::optional<std::string_view> stored(const InodeView& inode, std::string_view name) const;

  const ImageTree& tree_;
  const AttributeRules rules_;
  const bool has_acls_;
};

}  // namespace layoutfs
