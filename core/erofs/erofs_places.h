// The places of an image in an EROFS filesystem: the first of the two passes that make one (erofs_image.h).
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "core/erofs/erofs_format.h"
#include "core/erofs/erofs_image.h"
#include "core/erofs/erofs_tree.h"

namespace layoutfs::erofs {

constexpr std::uint64_t blocks_of(std::uint64_t size) {
  return size / kErofsBlockSize + (size % kErofsBlockSize != 0 ? 1 : 0);
}

inline bool is_device(EntryType type) { return type == EntryType::character || type == EntryType::block; }

// The name without its prefix.
struct XattrName {
  std::uint8_t prefix;
  std::string_view rest;
};
// Precondition: FileAttributes shows xattrs of that name.
XattrName xattr_name(std::string_view name);

// Ranges of whole blocks of a file, apart from each other.
struct BlockRange {
  std::uint64_t begin, end;
};
// Returns the blocks of a sparse file that have data, rounded to chunks of 2^`chunk_bits` blocks.
std::vector<BlockRange> data_of(const InodeView& file, unsigned chunk_bits);

// Calls `each(name, inode)` for a directory's entries in the order of EROFS, byte order with "." and "..".
template <class Each>
void for_each_entry(const ErofsTree& tree, Inode directory, Each each) {
  const std::pair<std::string_view, Inode> own[] = {{".", directory}, {"..", tree.inode(directory).parent}};
  auto next = std::begin(own);
  const ErofsTree::Children children = tree.children(directory);
  for (std::size_t rank = 0; rank < children.size(); ++rank) {
    const DirectoryEntry child = children[rank];
    for (; next != std::end(own) && next->first < child.name; ++next) each(next->first, next->second);
    each(child.name, child.inode);
  }
  for (; next != std::end(own); ++next) each(next->first, next->second);
}

// The place of one inode and of its content.
struct Place {
  std::uint32_t slot = 0;        // its number in EROFS; 0: not placed yet
  std::uint32_t xattr_size = 0;  // with their header
  std::uint64_t size = 0;        // of its content
  // The first block of its content: of files on the data device, of others in the blocks behind the inodes.
  std::uint32_t start = 0;
  std::uint32_t tail = 0;  // bytes of content behind the inode
  Layout layout = Layout::plain;
  std::uint8_t chunk_bits = 0;  // blocks per chunk, as a power of two
};

// Returns the number of entries in the table of chunks.
std::uint64_t chunk_count(const Place& place);

struct Places {
  std::vector<Place> inodes;         // by Inode
  std::uint64_t inode_count = 0;     // those with a place
  std::vector<ErofsRun> runs;        // of the data device
  std::uint64_t data_blocks = 0;     // its size
  std::uint64_t blocks_address = 0;  // the first block behind the inodes
  std::uint64_t data_address = 0;    // the end of the metadata, in blocks
};

// Decides the place of everything. Errors are those of make_erofs().
Result<Places> place_image(const ErofsTree& tree, ErofsPlacement placement);

}  // namespace layoutfs::erofs
