// Makes EROFS metadata of an image tree, in two passes. The first decides the place of everything
// (erofs_places.h): the second, here, knows all addresses and writes.
//
// The metadata file is: the superblock, the table of devices, the inodes, then the blocks of large
// directories and symlinks. An inode is followed by its xattrs, then by the last, partial block of its
// directory or symlink if that crosses no border of blocks, or by its table of chunks.
//
// Each file starts at a block of the data device. A sparse file has a chunk table: its data, in whole blocks,
// is on the device, its holes are not.
#include "core/erofs/erofs_image.h"

#include <charconv>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/check.h"
#include "core/erofs/erofs_file.h"
#include "core/erofs/erofs_format.h"
#include "core/erofs/erofs_places.h"

namespace layoutfs {
namespace {

using namespace erofs;

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

class Writer {
 public:
  Writer(const ErofsTree& tree, const Digest& image, ErofsForm form, Places places)
      : tree_(tree), image_(image), form_(form), places_(std::move(places)) {}

  Result<ErofsImage> make() {
    const std::uint64_t metadata_size = places_.data_address * kErofsBlockSize;
    metadata_.reserve(erofs_file_size(metadata_size, places_.runs.size()));
    metadata_.resize(metadata_size);
    for (Inode inode = 1; inode < places_.inodes.size(); ++inode)
      if (places_.inodes[inode].slot != 0) write_inode(inode);
    write_superblock();
    seal_erofs_file(metadata_, places_.runs, places_.data_blocks, tree_.base().inode_count(), image_, form_);
    return open_erofs_file(SharedBytes::of(std::move(metadata_)), image_, form_);
  }

 private:
  // Whether a file is on the second device.
  bool is_large(const Place& place) const {
    return form_.placement == ErofsPlacement::two_devices && place.size > kErofsLargestOfFirstDevice;
  }

  void write_inode(Inode inode) {
    const InodeView view = tree_.inode(inode);
    const Place& place = places_.inodes[inode];
    const std::uint64_t at = place.slot * kSlotSize;
    const std::span<std::byte> out(metadata_);
    const auto format = static_cast<std::uint16_t>(1U | static_cast<unsigned>(place.layout) << 1);
    put(out, at, format);
    if (place.xattr_size != 0)
      put(out, at + 2, static_cast<std::uint16_t>((place.xattr_size - kXattrHeaderSize) / 4 + 1));
    put(out, at + 4, static_cast<std::uint16_t>(mode_bits(view.type) | tree_.mode(view)));
    put(out, at + 8, place.size);
    put(out, at + 16, where_of(view, place));
    put(out, at + 20, static_cast<std::uint32_t>(inode));
    put(out, at + 24, view.uid);
    put(out, at + 28, view.gid);
    put(out, at + 32, static_cast<std::uint64_t>(view.mtime.seconds));
    put(out, at + 40, view.mtime.nanoseconds);
    put(out, at + 44, view.nlink);
    const std::uint64_t after = at + kInodeSize + place.xattr_size;
    if (place.xattr_size != 0) write_xattrs(inode, view, at + kInodeSize);
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
    return static_cast<std::uint32_t>(places_.blocks_address + place.start);
  }
  // In the address space of all devices.
  std::uint64_t data_block(const Place& place) const {
    return places_.data_address + (is_large(place) ? places_.data_blocks : 0) + place.start;
  }

  void write_xattrs(Inode inode, const InodeView& view, std::uint64_t at) {
    const std::span<std::byte> out(metadata_);
    at += kXattrHeaderSize;
    tree_.for_each_xattr(inode, view, [&](std::string_view name, std::string_view value) {
      const XattrName split = xattr_name(name);
      put(out, at, static_cast<std::uint8_t>(split.rest.size()));
      put(out, at + 1, split.prefix);
      put(out, at + 2, static_cast<std::uint16_t>(value.size()));
      put(out, at + kXattrEntrySize, split.rest);
      put(out, at + kXattrEntrySize + split.rest.size(), value);
      at += round_up(kXattrEntrySize + split.rest.size() + value.size(), 4);
    });
  }

  void write_symlink(const InodeView& view, const Place& place, std::uint64_t after) {
    const std::size_t in_blocks = place.size - place.tail;
    put(metadata_, (places_.blocks_address + place.start) * kErofsBlockSize,
        view.target.substr(0, in_blocks));
    put(metadata_, after, view.target.substr(in_blocks));
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
      write_directory_block(
          block, is_inlined ? after : (places_.blocks_address + place.start) * kErofsBlockSize + written);
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
    const std::span<std::byte> out(metadata_);
    std::uint64_t name_at = kDirentSize * entries.size(), entry_at = at;
    for (const auto& entry : entries) {
      put(out, entry_at, std::uint64_t{places_.inodes[entry.inode].slot});
      put(out, entry_at + 8, static_cast<std::uint16_t>(name_at));
      put(out, entry_at + 10, static_cast<std::uint8_t>(dirent_type(tree_.inode(entry.inode).type)));
      put(out, at + name_at, entry.name);
      entry_at += kDirentSize;
      name_at += entry.name.size();
    }
  }

  void write_chunks(const InodeView& view, const Place& place, std::uint64_t at) {
    const std::span<std::byte> out(metadata_);
    for (std::uint64_t chunk = 0; chunk < chunk_count(place); ++chunk)
      put(out, at + kChunkSize * chunk + 4, kHole);
    // Addresses of chunks count from the start of their device.
    const std::uint64_t base = form_.placement == ErofsPlacement::appended ? places_.data_address : 0;
    const auto device = static_cast<std::uint16_t>(form_.placement == ErofsPlacement::appended ? 0
                                                   : is_large(place)                           ? 2
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
    const std::span<std::byte> out(metadata_);
    const std::uint64_t at = kSuperblockOffset;
    const bool has_devices = form_.placement == ErofsPlacement::two_devices;
    put(out, at, kMagic);
    put(out, at + 8, kHasChecksum | kHasInodeTimes);
    put(out, at + 12, static_cast<std::uint8_t>(kBlockBits));
    put(out, at + 14, static_cast<std::uint16_t>(places_.inodes[kRootInode].slot));
    put(out, at + 16, std::uint64_t{places_.inode_count});
    put(out, at + 36,
        static_cast<std::uint32_t>(places_.data_address + (has_devices ? 0 : places_.data_blocks)));
    write_uuid(at + 48);
    put(out, at + 64, std::string_view("layoutfs"));
    put(out, at + 80, kHasChunks | (has_devices ? kHasDevices : 0));
    if (has_devices) {
      const std::uint64_t devices = at + kSuperblockSize;
      put(out, at + 86, std::uint16_t{2});
      put(out, at + 88, static_cast<std::uint16_t>(devices / kDeviceSize));
      for (std::uint64_t i = 0; i < 2; ++i) {
        put(out, devices + i * kDeviceSize, std::string_view(i == 0 ? "small files" : "large files"));
        put(out, devices + i * kDeviceSize + 64, static_cast<std::uint32_t>(places_.data_blocks));
        put(out, devices + i * kDeviceSize + 68,
            static_cast<std::uint32_t>(places_.data_address + i * places_.data_blocks));
      }
    }
    put(out, at + 4, checksum(out.subspan(at, kErofsBlockSize - at)));
  }
  // Version 8 of RFC 9562: the bits of the digest, but for those that name the version.
  void write_uuid(std::uint64_t at) {
    const std::span<std::byte> uuid = std::span(metadata_).subspan(at, 16);
    const std::string& hex = image_.hex();
    for (std::size_t i = 0; i < uuid.size() && 2 * i + 2 <= hex.size(); ++i) {
      unsigned value = 0;
      std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, value, 16);
      uuid[i] = static_cast<std::byte>(value);
    }
    uuid[6] = (uuid[6] & std::byte{0x0F}) | std::byte{0x80};
    uuid[8] = (uuid[8] & std::byte{0x3F}) | std::byte{0x80};
  }

  const ErofsTree& tree_;
  const Digest& image_;
  const ErofsForm form_;
  Places places_;
  Bytes metadata_;
};

}  // namespace

Result<ErofsImage> make_erofs(const ImageTree& tree, const Digest& image, ErofsForm form) {
  check(tree.inode_count() <= std::numeric_limits<std::uint32_t>::max(), "a tree file limits its inodes");
  const ErofsTree files(tree, form.content);
  auto places = place_image(files, form.placement);
  if (!places) return fail(std::move(places).error());
  return Writer(files, image, form, std::move(*places)).make();
}

}  // namespace layoutfs
