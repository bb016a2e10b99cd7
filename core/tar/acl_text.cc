#include "core/tar/acl_text.h"

#include <cstddef>
#include <cstdint>

namespace layoutfs {
namespace {

constexpr std::size_t kAclHeader = 4, kAclEntry = 8;
constexpr std::uint64_t kAclVersion = 2;

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

// Returns the start of an entry; nullopt if there is no such tag.
std::optional<std::string> acl_subject(std::uint64_t tag, std::uint64_t id) {
  switch (tag) {
    case 0x01:
      return "user::";
    case 0x02:
      return "user:" + std::to_string(id) + ":";
    case 0x04:
      return "group::";
    case 0x08:
      return "group:" + std::to_string(id) + ":";
    case 0x10:
      return "mask::";
    case 0x20:
      return "other::";
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> acl_text(std::string_view value) {
  if (value.size() <= kAclHeader || (value.size() - kAclHeader) % kAclEntry != 0 ||
      little_endian(value.substr(0, kAclHeader)) != kAclVersion)
    return std::nullopt;
  std::string text;
  for (std::size_t at = kAclHeader; at < value.size(); at += kAclEntry) {
    const auto subject =
        acl_subject(little_endian(value.substr(at, 2)), little_endian(value.substr(at + 4, 4)));
    const std::uint64_t permissions = little_endian(value.substr(at + 2, 2));
    if (!subject || permissions > 7) return std::nullopt;
    if (!text.empty()) text += ',';
    text += *subject;
    text += (permissions & 4) != 0 ? 'r' : '-';
    text += (permissions & 2) != 0 ? 'w' : '-';
    text += (permissions & 1) != 0 ? 'x' : '-';
  }
  return text;
}

}  // namespace layoutfs
