#include "tools/cli/inode_json.h"

#include <cstdint>
#include <string>

#include "core/base/base64.h"
#include "core/base/utf8.h"

namespace layoutfs::tools {
namespace {

// Writes values in base64. If JSON cannot represent a name, writes a second object with names in base64 too.
void write_xattrs(JsonWriter& json, const ImageTree& tree, const InodeView& inode) {
  bool are_names_text = true;
  json.key("xattrs").begin_object();
  for (std::uint32_t i = 0; i < inode.xattr_count; ++i) {
    const auto [name, value] = tree.xattr(inode.first_xattr + i);
    are_names_text = are_names_text && is_utf8(name);
    json.key(name).string(base64(as_bytes(value)));
  }
  json.end_object();
  if (are_names_text) return;
  json.key("xattrsBase64").begin_object();
  for (std::uint32_t i = 0; i < inode.xattr_count; ++i) {
    const auto [name, value] = tree.xattr(inode.first_xattr + i);
    json.key(base64(as_bytes(name))).string(base64(as_bytes(value)));
  }
  json.end_object();
}

}  // namespace

std::string_view name_of(EntryType type) {
  switch (type) {
    case EntryType::file:
    case EntryType::hardlink:
      return "file";
    case EntryType::symlink:
      return "symlink";
    case EntryType::character:
      return "character";
    case EntryType::block:
      return "block";
    case EntryType::directory:
      return "directory";
    case EntryType::fifo:
      return "fifo";
  }
  return "file";
}

void write_bytes(JsonWriter& json, std::string_view name, std::string_view value) {
  json.key(name).string(value);
  if (!is_utf8(value)) json.key(std::string(name) + "Base64").string(base64(as_bytes(value)));
}

void write_inode(JsonWriter& json, const ImageTree& tree, Inode number) {
  const InodeView inode = tree.inode(number);
  json.key("type").string(name_of(inode.type));
  json.key("inode").integer(static_cast<std::int64_t>(number)).key("mode").integer(inode.mode);
  json.key("nlink").integer(inode.nlink).key("uid").integer(inode.uid).key("gid").integer(inode.gid);
  json.key("size").integer(static_cast<std::int64_t>(inode.size));
  json.key("mtime").integer(inode.mtime.seconds).key("mtimeNanoseconds").integer(inode.mtime.nanoseconds);
  if (inode.type == EntryType::symlink) write_bytes(json, "target", inode.target);
  if (is_device(inode.type))
    json.key("rdev").begin_array().integer(inode.device_major).integer(inode.device_minor).end_array();
  if (inode.xattr_count != 0) write_xattrs(json, tree, inode);
}

}  // namespace layoutfs::tools
