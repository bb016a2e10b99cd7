#include "core/image/file_attributes.h"

#include <linux/capability.h>
#include <linux/limits.h>

#include <utility>

#include "core/base/xattr_names.h"
#include "core/tar/posix_acl.h"

namespace layoutfs {
namespace {

// FUSE accepts ACLs of up to one page; larger ones cannot be enforced.
constexpr std::size_t kMaxAclSize = 4096;

// Returns whether a name is in the namespace, with text after the prefix.
bool is_in(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && name.size() > prefix.size();
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = sizeof number; i-- > 0;) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  return number;
}

// linux/capability.h: revision 2, or 3 with the user ID that is root in its namespace.
bool is_capability(std::string_view value, const KnownIds& users) {
  if (value.size() < sizeof(std::uint32_t)) return false;
  const std::uint32_t revision = little_endian(value) & ~std::uint32_t{VFS_CAP_FLAGS_EFFECTIVE};
  if (value.size() == XATTR_CAPS_SZ_2) return revision == VFS_CAP_REVISION_2;
  if (value.size() != XATTR_CAPS_SZ_3 || revision != VFS_CAP_REVISION_3) return false;
  return users.has(little_endian(value.substr(XATTR_CAPS_SZ_3 - sizeof(std::uint32_t))));
}

}  // namespace

MountIds MountIds::of_this_process() {
  return {KnownIds::of_users(), KnownIds::of_groups(), is_first_user_namespace()};
}

MountIds MountIds::of_root_alone() { return {KnownIds::only(0), KnownIds::only(0), false}; }

bool is_overlay_xattr(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

FileAttributes::FileAttributes(const ImageTree& tree, AttributeRules rules)
    : tree_(tree),
      rules_(std::move(rules)),
      has_acls_(tree.has_xattr(kAccessAclXattr) || tree.has_xattr(kDefaultAclXattr)) {}

std::optional<std::string_view> FileAttributes::stored(const InodeView& inode, std::string_view name) const {
  for (std::uint32_t i = 0; i < inode.xattr_count; ++i)
    if (const auto [own, value] = tree_.xattr(inode.first_xattr + i); own == name) return value;
  return std::nullopt;
}

// Equals the list after unpacking the file: unpacking sets the mode last, which changes the list.
std::optional<std::string> FileAttributes::acl(const InodeView& inode, std::string_view name,
                                               std::string_view value) const {
  if (inode.type == EntryType::symlink) return std::nullopt;
  if (name == kDefaultAclXattr && inode.type != EntryType::directory) return std::nullopt;
  auto acl = PosixAcl::parse(value);
  if (!acl) return std::nullopt;
  if (name == kAccessAclXattr) {
    acl->set_mode(inode.mode);
    if (acl->is_mode_alone()) return std::nullopt;
  }
  acl->keep(rules_.ids.users, rules_.ids.groups);
  std::string kept = acl->value();
  if (kept.size() > kMaxAclSize) return std::nullopt;
  return kept;
}

std::uint32_t FileAttributes::mode(const InodeView& inode, bool are_acls_enforced) const {
  if (!has_acls_ || inode.type == EntryType::symlink) return inode.mode;
  const auto value = stored(inode, kAccessAclXattr);
  if (!value) return inode.mode;
  auto access = PosixAcl::parse(*value);
  if (!access) return inode.mode;
  if (are_acls_enforced && acl(inode, kAccessAclXattr, *value)) return inode.mode;
  access->set_mode(inode.mode);
  return access->safe_mode(inode.mode);
}

bool FileAttributes::is_shown(const InodeView& inode, std::string_view name, std::string_view value) const {
  if (rules_.is_overlay_hidden && is_overlay_xattr(name)) return false;
  if (name == "security.capability") return is_capability(value, rules_.ids.users);
  if (is_in(name, "user.")) return inode.type == EntryType::file || inode.type == EntryType::directory;
  // In another user namespace, root cannot set these on any file, so copies would fail.
  return rules_.ids.is_first_namespace && (is_in(name, "trusted.") || is_in(name, "security."));
}

std::optional<std::string_view> FileAttributes::shown_value(const InodeView& inode, std::string_view name,
                                                            std::string_view value, bool are_acls_enforced,
                                                            std::string& acl_value) const {
  if (name.size() > XATTR_NAME_MAX || value.size() > XATTR_SIZE_MAX) return std::nullopt;
  if (!is_acl_xattr(name)) return is_shown(inode, name, value) ? std::optional(value) : std::nullopt;
  auto kept = are_acls_enforced ? acl(inode, name, value) : std::nullopt;
  if (!kept) return std::nullopt;
  acl_value = std::move(*kept);
  return acl_value;
}

std::optional<std::string> FileAttributes::xattr(const InodeView& inode, std::string_view name,
                                                 bool are_acls_enforced) const {
  const auto value = stored(inode, name);
  if (!value) return std::nullopt;
  std::string acl;
  const auto shown = shown_value(inode, name, *value, are_acls_enforced, acl);
  return shown ? std::optional(std::string(*shown)) : std::nullopt;
}

std::vector<std::string> FileAttributes::xattr_names(const InodeView& inode, bool are_acls_enforced) const {
  std::vector<std::string> names;
  for_each_xattr(inode, are_acls_enforced,
                 [&names](std::string_view name, std::string_view) { names.emplace_back(name); });
  return names;
}

}  // namespace layoutfs
