// Makes EROFS metadata of an image tree, in two passes. The first decides the place of everything: the second
// knows all addresses and writes.
//
// The metadata file is: the superblock, the table of devices, the inodes, then the blocks of large
// directories and symlinks. An inode is followed by its xattrs, then by the last, partial block of its
// directory or symlink if that crosses no border of blocks, or by its table of chunks. A directory's children
// follow each other, because ls(1) reads them together.
//
// The data device has the files in the order of the layers' streams, so that read-ahead of the kernel decodes
// what comes next; each starts at a block. A sparse file has a chunk table: its data, in whole blocks, is on
// the device, its holes are not.
#include "core/erofs/erofs_image.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/base/check.h"
#include "core/erofs/erofs_format.h"

namespace layoutfs {
namespace {

using namespace erofs;

// The block number that no structure can hold.
constexpr std::uint64_t kBlockLimit = 0xFFFFFFFF;
// A sparse file has at most 2^20 chunks: a table of 8 MiB. Its smaller holes are zeros then.
constexpr unsigned kMostChunksBits = 20;

constexpr std::uint64_t round_up(std::uint64_t size, std::uint64_t unit) {
  return (size + unit - 1) / unit * unit;
}
constexpr std::uint64_t blocks_of(std::uint64_t size) {
  return size / kErofsBlockSize + (size % kErofsBlockSize != 0 ? 1 : 0);
}

DirentType dirent_type(EntryType type) {
  switch (type) {
    case EntryType::directory:
      return DirentType::directory;
    case EntryType::character:
      return DirentType::character;
    case EntryType::block:
      return DirentType::block;
    case EntryType::fifo:
      return DirentType::fifo;
    case EntryType::symlink:
      return DirentType::symlink;
    case EntryType::file:
    case EntryType::hardlink:
      break;
  }
  return DirentType::regular;
}

// S_IFMT of stat(2).
std::uint16_t mode_bits(EntryType type) {
  switch (type) {
    case EntryType::directory:
      return 0040000;
    case EntryType::character:
      return 0020000;
    case EntryType::block:
      return 0060000;
    case EntryType::fifo:
      return 0010000;
    case EntryType::symlink:
      return 0120000;
    case EntryType::file:
    case EntryType::hardlink:
      break;
  }
  return 0100000;
}

bool is_device(EntryType type) { return type == EntryType::character || type == EntryType::block; }

// The name without its prefix.
struct XattrName {
  std::uint8_t prefix;
  std::string_view rest;
};
std::optional<XattrName> xattr_name(std::string_view name) {
  for (const XattrPrefix& prefix : kXattrPrefixes) {
    if (prefix.is_whole_name ? name != prefix.text
                             : !name.starts_with(prefix.text) || name.size() == prefix.text.size())
      continue;
    name.remove_prefix(prefix.text.size());
    if (name.size() > kLongestName) return std::nullopt;
    return XattrName{prefix.number, name};
  }
  return std::nullopt;
}

// Ranges of whole blocks of a file, apart from each other.
struct BlockRange {
  std::uint64_t begin, end;
};
// Returns the blocks of a sparse file that have data, rounded to chunks of 2^`chunk_bits` blocks.
std::vector<BlockRange> data_of(const InodeView& file, unsigned chunk_bits) {
  const std::uint64_t chunk_size = kErofsBlockSize << chunk_bits;
  std::vector<BlockRange> ranges;
  for (const Extent& extent : file.extents) {
    if (extent.size == 0) continue;
    const std::uint64_t end = round_up(std::min(extent.offset + extent.size, file.size), chunk_size);
    const BlockRange range{extent.offset / chunk_size << chunk_bits,
                           std::min(end / kErofsBlockSize, blocks_of(file.size))};
    if (!ranges.empty() && range.begin <= ranges.back().end)
      ranges.back().end = range.end;
    else
      ranges.push_back(range);
  }
  return ranges;
}

// Calls `each(name, inode)` for a directory's entries in the order of EROFS, byte order with "." and "..".
template <class Each>
void for_each_entry(const ImageTree& tree, Inode directory, Each each) {
  const std::pair<std::string_view, Inode> own[] = {{".", directory}, {"..", tree.inode(directory).parent}};
  auto next = std::begin(own);
  const std::size_t count = tree.child_count(directory);
  for (std::size_t rank = 0; rank < count; ++rank) {
    const DirectoryEntry child = tree.child(directory, rank);
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

class Writer {
 public:
  Writer(const ImageTree& tree, const Digest& image, ErofsPlacement placement)
      : tree_(tree), image_(image), placement_(placement), places_(tree.inode_count() + 1) {}

  Result<ErofsImage> make() {
    place_data();
    if (auto placed = place_inodes(); !placed) return fail(std::move(placed).error());
    if (auto placed = place_areas(); !placed) return fail(std::move(placed).error());
    made_.metadata.resize(data_address_ * kErofsBlockSize);
    for (Inode inode = 1; inode < places_.size(); ++inode)
      if (places_[inode].slot != 0) write_inode(inode);
    write_superblock();
    return std::move(made_);
  }

 private:
  std::unexpected<Error> cannot(Inode directory, std::string_view name, const std::string& why) const {
    std::string path(name);
    for (Inode at = directory; at != kRootInode;) {
      const Inode parent = tree_.inode(at).parent;
      for (std::size_t rank = 0; rank < tree_.child_count(parent); ++rank)
        if (const DirectoryEntry entry = tree_.child(parent, rank); entry.inode == at) {
          path.insert(0, std::string(entry.name) + "/");
          break;
        }
      at = parent;
    }
    return fail(Errc::unsupported, "EROFS cannot store /" + path + ": " + why);
  }

  // ---- First pass: places.

  void place_data() {
    struct Key {
      std::uint32_t layer;
      std::uint64_t stream_offset;
      Inode inode;
    };
    std::vector<Key> files;
    for (Inode inode = 1; inode < places_.size(); ++inode) {
      const InodeView file = tree_.inode(inode);
      if (file.type != EntryType::file || file.size == 0) continue;
      const bool has_data = !file.is_sparse || !file.extents.empty();
      files.push_back(
          {has_data ? file.layer : 0,
           file.is_sparse ? (has_data ? file.extents.front().stream_offset : 0) : file.stream_offset, inode});
    }
    std::ranges::sort(files, {},
                      [](const Key& key) { return std::tie(key.layer, key.stream_offset, key.inode); });
    made_.runs.reserve(files.size());
    std::uint64_t block = 0;
    for (const Key& key : files) block = place_file(key.inode, block);
    made_.data_blocks = block;
  }

  // Returns the first free block after the file.
  std::uint64_t place_file(Inode inode, std::uint64_t block) {
    const InodeView file = tree_.inode(inode);
    Place& place = places_[inode];
    place.start = static_cast<std::uint32_t>(block);
    const auto add_run = [&](std::uint64_t from, std::uint64_t to) {
      // Addresses that do not fit are refused when all are known.
      made_.runs.push_back({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(from),
                            static_cast<std::uint32_t>(inode)});
      block += to - from;
    };
    const std::uint64_t blocks = blocks_of(file.size);
    if (file.is_sparse && has_holes(file, blocks, place))
      for (const BlockRange& range : data_of(file, place.chunk_bits)) add_run(range.begin, range.end);
    else
      add_run(0, blocks);
    return block;
  }

  // Returns whether the file is to be stored in chunks, and sets their size: the largest that keeps all holes
  // of whole blocks, or the smallest that makes few enough chunks.
  static bool has_holes(const InodeView& file, std::uint64_t blocks, Place& place) {
    const auto ranges = data_of(file, 0);
    if (ranges.size() == 1 && ranges[0].begin == 0 && ranges[0].end == blocks) return false;
    std::uint64_t borders = 0;
    for (const BlockRange& range : ranges) borders |= range.begin | (range.end < blocks ? range.end : 0);
    const unsigned whole_file = static_cast<unsigned>(std::bit_width(blocks - 1));
    unsigned bits =
        std::min(whole_file, borders == 0 ? whole_file : static_cast<unsigned>(std::countr_zero(borders)));
    bits = std::max(std::min(bits, kMostChunkBits), whole_file - std::min(whole_file, kMostChunksBits));
    place.layout = Layout::chunks;
    place.chunk_bits = static_cast<std::uint8_t>(bits);
    return bits <= kMostChunkBits;
  }

  // In the order of a walk that lists each directory before it enters those in it.
  Status place_inodes() {
    const std::uint64_t devices = placement_ == ErofsPlacement::two_devices ? 2 : 0;
    end_ = kSuperblockOffset + kSuperblockSize + devices * kDeviceSize;
    if (auto placed = place_inode(kRootInode, kRootInode, ""); !placed) return placed;
    std::vector<Inode> pending{kRootInode};
    while (!pending.empty()) {
      const Inode directory = pending.back();
      pending.pop_back();
      const std::size_t first = pending.size();
      const std::size_t count = tree_.child_count(directory);
      for (std::size_t rank = 0; rank < count; ++rank) {
        const DirectoryEntry entry = tree_.child(directory, rank);
        if (entry.name.size() > kLongestName)
          return cannot(directory, entry.name, "the name is longer than 255 bytes");
        if (places_[entry.inode].slot != 0) continue;  // a second link
        if (auto placed = place_inode(entry.inode, directory, entry.name); !placed) return placed;
        if (tree_.inode(entry.inode).type == EntryType::directory) pending.push_back(entry.inode);
      }
      std::reverse(pending.begin() + static_cast<std::ptrdiff_t>(first), pending.end());
    }
    return {};
  }

  // `directory` and `name` are for errors.
  Status place_inode(Inode inode, Inode directory, std::string_view name) {
    const InodeView view = tree_.inode(inode);
    Place& place = places_[inode];
    const auto xattr_size = size_of_xattrs(view, directory, name);
    if (!xattr_size) return fail(Error(xattr_size.error()));
    place.xattr_size = *xattr_size;
    if (is_device(view.type) && (view.device_major > kLargestMajor || view.device_minor > kLargestMinor))
      return cannot(directory, name, "the device number is too large");
    std::uint64_t blocks = 0;  // behind the inodes
    if (view.type == EntryType::directory || view.type == EntryType::symlink) {
      place.size = view.type == EntryType::symlink ? view.target.size() : size_of_directory(inode);
      blocks = place.size / kErofsBlockSize;
      place.tail = static_cast<std::uint32_t>(place.size % kErofsBlockSize);
    } else if (view.type == EntryType::file) {
      place.size = view.size;
    }

    std::uint64_t at = round_up(end_, kSlotSize);
    const std::uint64_t head = kInodeSize + place.xattr_size;
    if (place.tail != 0) {
      at = place_of_tail(at, head, place.tail);
      const bool fits = (at + head) % kErofsBlockSize + place.tail <= kErofsBlockSize;
      if (fits) {
        place.layout = Layout::inlined;
      } else {
        ++blocks;
        place.tail = 0;
      }
    }
    place.slot = static_cast<std::uint32_t>(at / kSlotSize);
    end_ = at + head + place.tail;
    if (place.layout == Layout::chunks) end_ = round_up(end_, kChunkSize) + kChunkSize * chunk_count(place);
    if (blocks != 0) {
      place.start = static_cast<std::uint32_t>(blocks_);
      blocks_ += blocks;
    }
    ++inode_count_;
    if (end_ / kSlotSize >= kBlockLimit || blocks_ >= kBlockLimit)
      return fail(Errc::unsupported, "EROFS cannot store the image: too many entries");
    return {};
  }

  // Returns the first place from `at` for an inode whose tail must not cross a border of blocks; `at` itself
  // if too much space would be lost.
  static std::uint64_t place_of_tail(std::uint64_t at, std::uint64_t head, std::uint64_t tail) {
    const std::uint64_t in_block = (at + head) % kErofsBlockSize;
    if (in_block + tail <= kErofsBlockSize || tail > kErofsBlockSize / 2) return at;
    return at + round_up(kErofsBlockSize - in_block, kSlotSize);
  }

  Result<std::uint32_t> size_of_xattrs(const InodeView& view, Inode directory, std::string_view file) const {
    std::uint64_t size = 0;
    for (std::uint32_t i = 0; i < view.xattr_count; ++i) {
      const auto [name, value] = tree_.xattr(view.first_xattr + i);
      const auto split = xattr_name(name);
      if (!split)
        return cannot(directory, file, "its xattr " + std::string(name) + " has an unsupported name");
      if (value.size() > kLargestXattrValue)
        return cannot(directory, file, "its xattr " + std::string(name) + " has more than 65535 bytes");
      size += round_up(kXattrEntrySize + split->rest.size() + value.size(), 4);
      if (kXattrHeaderSize + size > kLargestXattrs)
        return cannot(directory, file, "its xattrs have more than 262148 bytes");
    }
    return static_cast<std::uint32_t>(size == 0 ? 0 : kXattrHeaderSize + size);
  }

  // Each block has entries, then their names; none crosses a border.
  std::uint64_t size_of_directory(Inode directory) const {
    std::uint64_t blocks = 0, used = 0;
    for_each_entry(tree_, directory, [&](std::string_view name, Inode) {
      const std::uint64_t more = kDirentSize + name.size();
      if (used + more > kErofsBlockSize) {
        ++blocks;
        used = 0;
      }
      used += more;
    });
    return blocks * kErofsBlockSize + used;
  }

  static std::uint64_t chunk_count(const Place& place) {
    const std::uint64_t chunk_size = kErofsBlockSize << place.chunk_bits;
    return place.size / chunk_size + (place.size % chunk_size != 0 ? 1 : 0);
  }

  Status place_areas() {
    blocks_address_ = blocks_of(end_);
    data_address_ = blocks_address_ + blocks_;
    const std::uint64_t copies = placement_ == ErofsPlacement::two_devices ? 2 : 1;
    if (made_.data_blocks >= kBlockLimit || data_address_ + copies * made_.data_blocks >= kBlockLimit)
      return fail(Errc::unsupported, "EROFS cannot store the image: more than 16 TiB");
    return {};
  }

  // ---- Second pass.

  // Whether a file is on the second device.
  bool is_large(const Place& place) const {
    return placement_ == ErofsPlacement::two_devices && place.size > kErofsLargestOfFirstDevice;
  }

  void write_inode(Inode inode) {
    const InodeView view = tree_.inode(inode);
    const Place& place = places_[inode];
    const std::uint64_t at = place.slot * kSlotSize;
    const std::span<std::byte> out(made_.metadata);
    const auto format = static_cast<std::uint16_t>(1U | static_cast<unsigned>(place.layout) << 1);
    put(out, at, format);
    if (place.xattr_size != 0)
      put(out, at + 2, static_cast<std::uint16_t>((place.xattr_size - kXattrHeaderSize) / 4 + 1));
    put(out, at + 4, static_cast<std::uint16_t>(mode_bits(view.type) | view.mode));
    put(out, at + 8, place.size);
    put(out, at + 16, where_of(view, place));
    put(out, at + 20, static_cast<std::uint32_t>(inode));
    put(out, at + 24, view.uid);
    put(out, at + 28, view.gid);
    put(out, at + 32, static_cast<std::uint64_t>(view.mtime.seconds));
    put(out, at + 40, view.mtime.nanoseconds);
    put(out, at + 44, view.nlink);
    const std::uint64_t after = at + kInodeSize + place.xattr_size;
    if (place.xattr_size != 0) write_xattrs(view, at + kInodeSize);
    if (view.type == EntryType::directory) write_directory(inode, place, after);
    if (view.type == EntryType::symlink) write_symlink(view, place, after);
    if (place.layout == Layout::chunks) write_chunks(view, place, round_up(after, kChunkSize));
  }

  // Of an inode: its device number, the format of its chunks, or its first block.
  std::uint32_t where_of(const InodeView& view, const Place& place) const {
    if (is_device(view.type)) return device_number(view.device_major, view.device_minor);
    if (place.layout == Layout::chunks) return kChunksHaveDevices | place.chunk_bits;
    if (view.type == EntryType::file)
      return view.size == 0 ? 0 : static_cast<std::uint32_t>(data_block(place));
    if (place.size <= place.tail) return 0;
    return static_cast<std::uint32_t>(blocks_address_ + place.start);
  }
  // In the address space of all devices.
  std::uint64_t data_block(const Place& place) const {
    return data_address_ + (is_large(place) ? made_.data_blocks : 0) + place.start;
  }

  void write_xattrs(const InodeView& view, std::uint64_t at) {
    const std::span<std::byte> out(made_.metadata);
    at += kXattrHeaderSize;
    for (std::uint32_t i = 0; i < view.xattr_count; ++i) {
      const auto [name, value] = tree_.xattr(view.first_xattr + i);
      const XattrName split = xattr_name(name).value();
      put(out, at, static_cast<std::uint8_t>(split.rest.size()));
      put(out, at + 1, split.prefix);
      put(out, at + 2, static_cast<std::uint16_t>(value.size()));
      put(out, at + kXattrEntrySize, split.rest);
      put(out, at + kXattrEntrySize + split.rest.size(), value);
      at += round_up(kXattrEntrySize + split.rest.size() + value.size(), 4);
    }
  }

  void write_symlink(const InodeView& view, const Place& place, std::uint64_t after) {
    const std::size_t in_blocks = place.size - place.tail;
    put(made_.metadata, (blocks_address_ + place.start) * kErofsBlockSize, view.target.substr(0, in_blocks));
    put(made_.metadata, after, view.target.substr(in_blocks));
  }

  void write_directory(Inode directory, const Place& place, std::uint64_t after) {
    struct Entry {
      std::string_view name;
      Inode inode;
    };
    std::vector<Entry> block;
    std::uint64_t used = 0, written = 0;
    const auto flush = [&] {
      const bool is_inlined = written == place.size - place.tail;
      write_directory_block(block,
                            is_inlined ? after : (blocks_address_ + place.start) * kErofsBlockSize + written);
      written += kErofsBlockSize;
      block.clear();
      used = 0;
    };
    for_each_entry(tree_, directory, [&](std::string_view name, Inode inode) {
      const std::uint64_t more = kDirentSize + name.size();
      if (used + more > kErofsBlockSize) flush();
      block.push_back({name, inode});
      used += more;
    });
    flush();
  }
  template <class Entries>
  void write_directory_block(const Entries& entries, std::uint64_t at) {
    const std::span<std::byte> out(made_.metadata);
    std::uint64_t name_at = kDirentSize * entries.size(), entry_at = at;
    for (const auto& entry : entries) {
      put(out, entry_at, std::uint64_t{places_[entry.inode].slot});
      put(out, entry_at + 8, static_cast<std::uint16_t>(name_at));
      put(out, entry_at + 10, static_cast<std::uint8_t>(dirent_type(tree_.inode(entry.inode).type)));
      put(out, at + name_at, entry.name);
      entry_at += kDirentSize;
      name_at += entry.name.size();
    }
  }

  void write_chunks(const InodeView& view, const Place& place, std::uint64_t at) {
    const std::span<std::byte> out(made_.metadata);
    for (std::uint64_t chunk = 0; chunk < chunk_count(place); ++chunk)
      put(out, at + kChunkSize * chunk + 4, kHole);
    // Addresses of chunks count from the start of their device.
    const std::uint64_t base = placement_ == ErofsPlacement::appended ? data_address_ : 0;
    const auto device = static_cast<std::uint16_t>(placement_ == ErofsPlacement::appended ? 0
                                                   : is_large(place)                      ? 2
                                                                                          : 1);
    const std::uint64_t chunk_blocks = std::uint64_t{1} << place.chunk_bits;
    std::uint64_t block = base + place.start;
    for (const BlockRange& range : data_of(view, place.chunk_bits)) {
      for (std::uint64_t in_file = range.begin; in_file < range.end; in_file += chunk_blocks) {
        const std::uint64_t entry = at + kChunkSize * (in_file >> place.chunk_bits);
        put(out, entry + 2, device);
        put(out, entry + 4, static_cast<std::uint32_t>(block + (in_file - range.begin)));
      }
      block += range.end - range.begin;
    }
  }

  void write_superblock() {
    const std::span<std::byte> out(made_.metadata);
    const std::uint64_t at = kSuperblockOffset;
    const bool has_devices = placement_ == ErofsPlacement::two_devices;
    put(out, at, kMagic);
    put(out, at + 8, kHasChecksum | kHasInodeTimes);
    put(out, at + 12, static_cast<std::uint8_t>(kBlockBits));
    put(out, at + 14, static_cast<std::uint16_t>(places_[kRootInode].slot));
    put(out, at + 16, std::uint64_t{inode_count_});
    put(out, at + 36, static_cast<std::uint32_t>(data_address_ + (has_devices ? 0 : made_.data_blocks)));
    write_uuid(at + 48);
    put(out, at + 64, std::string_view("layoutfs"));
    put(out, at + 80, kHasChunks | (has_devices ? kHasDevices : 0));
    if (has_devices) {
      const std::uint64_t devices = at + kSuperblockSize;
      put(out, at + 86, std::uint16_t{2});
      put(out, at + 88, static_cast<std::uint16_t>(devices / kDeviceSize));
      for (std::uint64_t i = 0; i < 2; ++i) {
        put(out, devices + i * kDeviceSize, std::string_view(i == 0 ? "small files" : "large files"));
        put(out, devices + i * kDeviceSize + 64, static_cast<std::uint32_t>(made_.data_blocks));
        put(out, devices + i * kDeviceSize + 68,
            static_cast<std::uint32_t>(data_address_ + i * made_.data_blocks));
      }
    }
    put(out, at + 4, checksum(out.subspan(at, kErofsBlockSize - at)));
  }
  // Version 8 of RFC 9562: the bits of the digest, but for those that name the version.
  void write_uuid(std::uint64_t at) {
    const std::span<std::byte> uuid = std::span(made_.metadata).subspan(at, 16);
    const std::string& hex = image_.hex();
    for (std::size_t i = 0; i < uuid.size() && 2 * i + 2 <= hex.size(); ++i) {
      unsigned value = 0;
      std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, value, 16);
      uuid[i] = static_cast<std::byte>(value);
    }
    uuid[6] = (uuid[6] & std::byte{0x0F}) | std::byte{0x80};
    uuid[8] = (uuid[8] & std::byte{0x3F}) | std::byte{0x80};
  }

  const ImageTree& tree_;
  const Digest& image_;
  const ErofsPlacement placement_;
  ErofsImage made_{};
  std::vector<Place> places_;  // by Inode
  std::uint64_t end_ = 0;      // of the inodes so far, in bytes
  std::uint64_t blocks_ = 0;   // behind the inodes so far
  std::uint64_t inode_count_ = 0;
  std::uint64_t blocks_address_ = 0, data_address_ = 0;  // in blocks
};

}  // namespace

Result<ErofsImage> make_erofs(const ImageTree& tree, const Digest& image, ErofsPlacement placement) {
  check(tree.inode_count() <= std::numeric_limits<std::uint32_t>::max(), "a tree file limits its inodes");
  return Writer(tree, image, placement).make();
}

}  // namespace layoutfs
