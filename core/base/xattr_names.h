// The xattrs of Linux that have a meaning of their own for the kernel (xattr(7)).
#pragma once

#include <string_view>

namespace layoutfs {

inline constexpr std::string_view kAccessAclXattr = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAclXattr = "system.posix_acl_default";
// Returns whether an xattr is an access or default ACL, by its name.
constexpr bool is_acl_xattr(std::string_view name) {
  return name == kAccessAclXattr || name == kDefaultAclXattr;
}

// The label of SELinux.
inline constexpr std::string_view kLabelXattr = "security.selinux";

}  // namespace layoutfs
