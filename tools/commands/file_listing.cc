#include "tools/commands/file_listing.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "tools/cli/command.h"
#include "tools/cli/inode_json.h"

namespace layoutfs::tools {
namespace {

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

}  // namespace

const std::string& AttributeColumns::text(const InodeView& inode) {
  const std::string size =
      is_device(inode.type) ? std::to_string(inode.device_major) + ", " + std::to_string(inode.device_minor)
      : is_human_readable_  ? human_size(inode.size)
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
