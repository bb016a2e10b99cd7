// POSIX ACLs as text (acl(5), "ACL TEXT FORMS"), for the pax records SCHILY.acl.* of star.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace layoutfs {

// Returns the text of an ACL that is stored as in system.posix_acl_access (Linux,
// include/uapi/linux/posix_acl_xattr.h), with numbers for users and groups: "user::rw-,user:5:r--,...".
// Returns nullopt if the value is malformed.
std::optional<std::string> acl_text(std::string_view value);

}  // namespace layoutfs
