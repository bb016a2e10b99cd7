#include "core/tar/acl_text.h"

#include "core/tar/posix_acl.h"

namespace layoutfs {
namespace {

using Tag = PosixAcl::Tag;

// Returns the start of an entry; nullopt if there is no such tag.
std::optional<std::string> acl_subject(const PosixAcl::Entry& entry) {
  switch (entry.tag) {
    case Tag::owner:
      return "user::";
    case Tag::user:
      return "user:" + std::to_string(entry.id) + ":";
    case Tag::owning_group:
      return "group::";
    case Tag::group:
      return "group:" + std::to_string(entry.id) + ":";
    case Tag::mask:
      return "mask::";
    case Tag::other:
      return "other::";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> acl_text(std::string_view value) {
  const auto entries = PosixAcl::read_entries(value);
  if (!entries || entries->empty()) return std::nullopt;
  std::string text;
  for (const PosixAcl::Entry& entry : *entries) {
    const auto subject = acl_subject(entry);
    if (!subject || entry.permissions > 7) return std::nullopt;
    if (!text.empty()) text += ',';
    text += *subject;
    text += (entry.permissions & 4) != 0 ? 'r' : '-';
    text += (entry.permissions & 2) != 0 ? 'w' : '-';
    text += (entry.permissions & 1) != 0 ? 'x' : '-';
  }
  return text;
}

}  // namespace layoutfs
