// Reads inodes of EROFS metadata: only directories, modes and xattrs, without any check.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/erofs/erofs_format.h"
#include "layoutfs/bytes.h"

namespace layoutfs::testing {

struct ErofsInode {
  std::uint16_t mode;  // of stat(2)
  std::uint32_t device;
  std::uint32_t nlink;
  std::map<std::string, std::string> xattrs;
};

class ErofsInodes {
 public:
  explicit ErofsInodes(ByteView metadata) : metadata_(metadata) {}

  // Returns the inode at `path`, the root for "". Precondition: directories are stored behind their inodes.
  std::optional<ErofsInode> find(std::string_view path) const {
    const auto at = position(path);
    return at ? std::optional(read(*at)) : std::nullopt;
  }
  // Returns the names in a directory, except "." and "..".
  std::vector<std::string> names(std::string_view directory) const {
    std::vector<std::string> names;
    for (const auto& [name, at] : entries(position(directory).value()))
      if (name != "." && name != "..") names.push_back(name);
    return names;
  }

 private:
  static constexpr std::size_t kSlot = erofs::kSlotSize;

  std::optional<std::size_t> position(std::string_view path) const {
    std::size_t at = load_le<std::uint16_t>(metadata_, erofs::kSuperblockOffset + 14) * kSlot;
    while (!path.empty()) {
      const std::string name(path.substr(0, path.find('/')));
      path.remove_prefix(std::min(path.size(), name.size() + 1));
      const auto all = entries(at);
      const auto found = all.find(name);
      if (found == all.end()) return std::nullopt;
      at = found->second;
    }
    return at;
  }

  std::map<std::string, std::size_t> entries(std::size_t inode) const {
    const std::size_t directory = inode + erofs::kInodeSize + xattr_size(inode);
    const std::size_t size = load_le<std::uint64_t>(metadata_, inode + 8);
    const std::size_t count = load_le<std::uint16_t>(metadata_, directory + 8) / erofs::kDirentSize;
    std::map<std::string, std::size_t> entries;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t entry = directory + i * erofs::kDirentSize;
      const std::size_t begin = load_le<std::uint16_t>(metadata_, entry + 8);
      const std::size_t end =
          i + 1 < count ? load_le<std::uint16_t>(metadata_, entry + erofs::kDirentSize + 8) : size;
      entries.emplace(as_text(metadata_.subspan(directory + begin, end - begin)),
                      load_le<std::uint64_t>(metadata_, entry) * kSlot);
    }
    return entries;
  }

  std::size_t xattr_size(std::size_t inode) const {
    const std::size_t count = load_le<std::uint16_t>(metadata_, inode + 2);
    return count == 0 ? 0 : erofs::kXattrHeaderSize + 4 * (count - 1);
  }

  ErofsInode read(std::size_t at) const {
    ErofsInode inode{load_le<std::uint16_t>(metadata_, at + 4),
                     load_le<std::uint32_t>(metadata_, at + 16),
                     load_le<std::uint32_t>(metadata_, at + 44),
                     {}};
    const std::size_t end = at + erofs::kInodeSize + xattr_size(at);
    for (std::size_t xattr = at + erofs::kInodeSize + erofs::kXattrHeaderSize; xattr < end;) {
      const std::size_t name_size = load_le<std::uint8_t>(metadata_, xattr);
      const std::size_t value_size = load_le<std::uint16_t>(metadata_, xattr + 2);
      std::string name;
      for (const auto& prefix : erofs::kXattrPrefixes)
        if (prefix.number == load_le<std::uint8_t>(metadata_, xattr + 1)) name = prefix.text;
      name += as_text(metadata_.subspan(xattr + erofs::kXattrEntrySize, name_size));
      inode.xattrs[name] = as_text(metadata_.subspan(xattr + erofs::kXattrEntrySize + name_size, value_size));
      xattr += (erofs::kXattrEntrySize + name_size + value_size + 3) / 4 * 4;
    }
    return inode;
  }

  ByteView metadata_;
};

}  // namespace layoutfs::testing
