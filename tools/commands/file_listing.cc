#include "tools/commands/file_listing.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/base/base64.h"
#include "core/base/utf8.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {
namespace {

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

bool is_device(const InodeView& inode) {
  return inode.type == EntryType::character || inode.type == EntryType::block;
}

// Appends for example "drwxr-sr-t", as in ls(1).
void append_mode(std::string& line, const InodeView& inode) {
  constexpr std::array kLetters{'-', '-', 'l', 'c', 'b', 'd', 'p'};  // in the order of EntryType
  std::array<char, 10> text{kLetters[static_cast<std::size_t>(inode.type)]};
  for (std::size_t i = 0; i < 9; ++i) text[i + 1] = (inode.mode >> (8 - i) & 1) != 0 ? "rwx"[i % 3] : '-';
  const auto special = [&](std::uint32_t bit, std::size_t at, char with_x, char without_x) {
    if ((inode.mode & bit) != 0) text[at] = text[at] == 'x' ? with_x : without_x;
  };
  special(04000, 3, 's', 'S');
  special(02000, 6, 's', 'S');
  special(01000, 9, 't', 'T');
  line.append(text.data(), text.size());
}

void append_padded(std::string& line, std::string_view text, std::size_t width) {
  line.append(width - std::min(width, text.size()), ' ').append(text);
}

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

void write_bytes(JsonWriter& json, std::string_view name, std::string_view value) {
  json.key(name).string(value);
  if (!is_utf8(value)) json.key(std::string(name) + "Base64").string(base64(as_bytes(value)));
}

void write_file(JsonWriter& json, const ImageTree& tree, Inode number, const InodeView& inode,
                std::string_view path) {
  write_bytes(json, "path", path);
  json.key("type").string(name_of(inode.type));
  json.key("inode").integer(static_cast<std::int64_t>(number)).key("mode").integer(inode.mode);
  json.key("nlink").integer(inode.nlink).key("uid").integer(inode.uid).key("gid").integer(inode.gid);
  json.key("size").integer(static_cast<std::int64_t>(inode.size));
  json.key("mtime").integer(inode.mtime.seconds).key("mtimeNanoseconds").integer(inode.mtime.nanoseconds);
  if (inode.type == EntryType::symlink) write_bytes(json, "target", inode.target);
  if (is_device(inode))
    json.key("rdev").begin_array().integer(inode.device_major).integer(inode.device_minor).end_array();
  if (inode.xattr_count != 0) write_xattrs(json, tree, inode);
}

const std::string& AttributeColumns::text(const InodeView& inode) {
  const std::string size =
      is_device(inode)     ? std::to_string(inode.device_major) + ", " + std::to_string(inode.device_minor)
      : is_human_readable_ ? human_size(inode.size)
                           : std::to_string(inode.size);
  line_.clear();
  append_mode(line_, inode);
  append_padded(line_, std::to_string(inode.nlink), 4);
  append_padded(line_, std::to_string(inode.uid), 6);
  append_padded(line_, std::to_string(inode.gid), 6);
  append_padded(line_, size, 11);
  // Most files of an image have a time in common with the one before.
  if (time_.empty() || seconds_ != inode.mtime.seconds) time_ = utc_time(inode.mtime.seconds);
  seconds_ = inode.mtime.seconds;
  line_.append(" ").append(time_).append(" ");
  return line_;
}

}  // namespace layoutfs::tools
