#include "core/tar/posix_acl.h"

#include <algorithm>
#include <utility>

namespace layoutfs {
namespace {

using Entry = PosixAcl::Entry;
using Tag = PosixAcl::Tag;

// linux/posix_acl_xattr.h: a version, then entries of tag, permissions and id, all little-endian.
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHeaderSize = 4, kEntrySize = 8;
constexpr std::uint32_t kNoId = 0xffffffff;

std::uint32_t number_at(std::string_view value, std::size_t offset, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t i = size; i-- > 0;) number = number << 8 | static_cast<std::uint8_t>(value[offset + i]);
  return number;
}

void append_number(std::string& value, std::uint32_t number, std::size_t size) {
  for (; size > 0; --size, number >>= 8) value += static_cast<char>(number & 0xff);
}

bool is_named(const Entry& entry) { return entry.tag == Tag::user || entry.tag == Tag::group; }

bool is_single(Tag tag) {
  return tag == Tag::owner || tag == Tag::owning_group || tag == Tag::mask || tag == Tag::other;
}

// posix_acl_valid() of Linux: ascending tags, the three required entries, and a mask if there are named
// entries.
bool is_valid(std::span<const Entry> entries) {
  std::uint16_t last = 0, seen = 0;
  for (const Entry& entry : entries) {
    const auto tag = static_cast<std::uint16_t>(entry.tag);
    if (!is_named(entry) && !is_single(entry.tag)) return false;
    if (entry.permissions > 7 || tag < last || (tag == last && is_single(entry.tag))) return false;
    if (is_named(entry) && entry.id == kNoId) return false;
    last = tag;
    seen |= tag;
  }
  const auto has = [seen](Tag tag) { return (seen & static_cast<std::uint16_t>(tag)) != 0; };
  const bool needs_mask = has(Tag::user) || has(Tag::group);
  return has(Tag::owner) && has(Tag::owning_group) && has(Tag::other) && (has(Tag::mask) || !needs_mask);
}

}  // namespace

std::optional<std::vector<Entry>> PosixAcl::read_entries(std::string_view value) {
  if (value.size() < kHeaderSize || (value.size() - kHeaderSize) % kEntrySize != 0) return std::nullopt;
  if (number_at(value, 0, 4) != kVersion) return std::nullopt;
  std::vector<Entry> entries;
  entries.reserve((value.size() - kHeaderSize) / kEntrySize);
  for (std::size_t at = kHeaderSize; at < value.size(); at += kEntrySize)
    entries.push_back({.tag = static_cast<Tag>(number_at(value, at, 2)),
                       .permissions = static_cast<std::uint16_t>(number_at(value, at + 2, 2)),
                       .id = number_at(value, at + 4, 4)});
  return entries;
}

std::optional<PosixAcl> PosixAcl::parse(std::string_view value) {
  auto entries = read_entries(value);
  if (!entries || !is_valid(*entries)) return std::nullopt;
  PosixAcl acl;
  acl.entries_ = std::move(*entries);
  return acl;
}

std::string PosixAcl::value() const {
  std::string value;
  append_number(value, kVersion, 4);
  for (const Entry& entry : entries_) {
    append_number(value, static_cast<std::uint16_t>(entry.tag), 2);
    append_number(value, entry.permissions, 2);
    append_number(value, is_named(entry) ? entry.id : kNoId, 4);
  }
  return value;
}

void PosixAcl::set_mode(std::uint32_t mode) {
  const bool has_mask = std::ranges::find(entries_, Tag::mask, &Entry::tag) != entries_.end();
  for (Entry& entry : entries_) {
    if (entry.tag == Tag::owner) entry.permissions = mode >> 6 & 7;
    if (entry.tag == (has_mask ? Tag::mask : Tag::owning_group)) entry.permissions = mode >> 3 & 7;
    if (entry.tag == Tag::other) entry.permissions = mode & 7;
  }
}

bool PosixAcl::is_mode_alone() const noexcept {
  return std::ranges::none_of(entries_,
                              [](const Entry& entry) { return is_named(entry) || entry.tag == Tag::mask; });
}

void PosixAcl::keep(const KnownIds& users, const KnownIds& groups) {
  std::erase_if(entries_, [&](const Entry& entry) {
    return (entry.tag == Tag::user && !users.has(entry.id)) ||
           (entry.tag == Tag::group && !groups.has(entry.id));
  });
}

// Without the list, a named user has the bits of the group (as a member) or of others, and a member of a
// named group those of others.
std::uint32_t PosixAcl::safe_mode(std::uint32_t mode) const {
  std::uint32_t group = mode >> 3 & 7, other = mode & 7;
  const std::uint32_t mask = group;
  for (const Entry& entry : entries_) {
    if (entry.tag == Tag::owning_group || entry.tag == Tag::user) group &= entry.permissions;
    if (is_named(entry)) other &= entry.permissions & mask;
  }
  return (mode & ~077U) | group << 3 | other;
}

}  // namespace layoutfs
