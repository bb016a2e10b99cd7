// POSIX access control lists, as Linux keeps them in the xattrs system.posix_acl_access and
// system.posix_acl_default (acl(5), linux/posix_acl_xattr.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/user_namespace.h"

namespace layoutfs {

inline constexpr std::string_view kAccessAclXattr = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAclXattr = "system.posix_acl_default";

class PosixAcl {
 public:
  enum class Tag : std::uint16_t {
    owner = 0x01,
    user = 0x02,
    owning_group = 0x04,
    group = 0x08,
    mask = 0x10,
    other = 0x20,
  };
  struct Entry {
    Tag tag;
    std::uint16_t permissions;  // rwx as 4, 2, 1
    std::uint32_t id;           // of a user or group
  };

  // Takes the value of such an xattr. Returns nothing if Linux would not store it: if it is malformed, or
  // empty.
  static std::optional<PosixAcl> parse(std::string_view value);
  // The value of the xattr.
  std::string value() const;
  std::span<const Entry> entries() const noexcept { return entries_; }

  // As chmod(2) changes the list of a file: the group bits are the mask, if there is one.
  void set_mode(std::uint32_t mode);
  // Whether the permission bits of a mode say as much: Linux does not store such a list for access.
  bool is_mode_alone() const noexcept;
  // Leaves out named users and groups whose number nobody has. All others have the access that they had.
  void keep(const KnownIds& users, const KnownIds& groups);
  // Returns `mode` without the group's and others' bits that could grant what the list denies, for a file
  // whose list nobody enforces. `mode` must have been given to set_mode().
  std::uint32_t safe_mode(std::uint32_t mode) const;

 private:
  std::vector<Entry> entries_;  // in the order of linux/posix_acl.h, which is checked
};

}  // namespace layoutfs
