// POSIX access control lists, as stored by Linux in the xattrs system.posix_acl_access and
// system.posix_acl_default (acl(5), linux/posix_acl_xattr.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/user_namespace.h"
#include "core/base/xattr_names.h"

namespace layoutfs {

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
    std::uint32_t id;           // a user or group ID
  };

  // Reads the entries of such a value, of which Linux may refuse any. Returns nullopt if it is not a whole
  // number of entries of the known version.
  static std::optional<std::vector<Entry>> read_entries(std::string_view value);
  // Parses the value of such an xattr. Returns nullopt if Linux would refuse it: it is malformed or empty.
  static std::optional<PosixAcl> parse(std::string_view value);
  // Returns the value of the xattr.
  std::string value() const;
  std::span<const Entry> entries() const noexcept { return entries_; }

  // Changes the list as chmod(2) does: the group bits become the mask, if there is one.
  void set_mode(std::uint32_t mode);
  // Returns whether the permission bits of a mode are equivalent: Linux does not store such an access list.
  bool is_mode_alone() const noexcept;
  // Removes named users and groups with invalid IDs. The access of all others is unchanged.
  void keep(const KnownIds& users, const KnownIds& groups);
  // Returns `mode` without the bits of the group and others that could grant access that the list denies, for
  // a file without enforcement of its list. Precondition: set_mode() was called with `mode`.
  std::uint32_t safe_mode(std::uint32_t mode) const;

 private:
  std::vector<Entry> entries_;  // in the order of linux/posix_acl.h, which is checked
};

}  // namespace layoutfs
