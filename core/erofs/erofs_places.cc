// Inodes are in the order of a walk: a directory's children follow each other, because ls(1) reads them
// together. Files on the data device are in the order of the layers' streams, so that read-ahead of the
// kernel decodes what comes next.
#include "core/erofs/erofs_places.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <string>
#include <tuple>

#include "core/base/check.h"
#include "core/layer/data_offset.h"

namespace layoutfs::erofs {
namespace {

// The chunks of all sparse files together, 8 bytes each. A tar of a few kilobytes could ask for any number.
constexpr std::uint64_t kMostChunks = std::uint64_t{1} << 20, kMostChunksPerInode = 16;
// Metadata may have about 100 bytes for each inode, some kilobytes of xattrs or a symlink's target, and large
// xattrs of some files. The tree stores equal xattrs of any number of files once, so without a limit a small
// layer could take any amount of memory.
constexpr std::uint64_t kLargestMetadata = std::uint64_t{2} << 30;
constexpr std::uint64_t kSlack = std::uint64_t{64} << 20, kMostPerInode = 2 << 10;

// The largest file of Linux.
constexpr std::uint64_t kLargestFile = 0x7FFF'FFFF'FFFF'FFFF;

class Placer {
 public:
  Placer(const ErofsTree& tree, ErofsPlacement placement) : tree_(tree), placement_(placement) {
    made_.inodes.resize(tree.inode_count() + 1);
  }

  Result<Places> run() {
    if (auto placed = place_data(); !placed) return fail(std::move(placed).error());
    if (auto placed = place_inodes(); !placed) return fail(std::move(placed).error());
    if (auto placed = place_areas(); !placed) return fail(std::move(placed).error());
    return std::move(made_);
  }

 private:
  std::unexpected<Error> cannot(Inode directory, std::string_view name, const std::string& why) const {
    std::string path = tree_.base().path_of(directory);
    path.append(path.empty() ? "" : "/").append(name);
    return fail(Errc::unsupported, "EROFS cannot store /" + path + ": " + why);
  }

  Status place_data() {
    struct Key {
      std::uint32_t layer;
      std::uint64_t stream_offset;
      Inode inode;
    };
    std::vector<Key> files;
    for (Inode inode = 1; inode < made_.inodes.size(); ++inode) {
      const InodeView file = tree_.inode(inode);
      if (file.type != EntryType::file || file.size == 0 || !tree_.has_name(inode)) continue;
      if (file.size > kLargestFile)
        return fail(Errc::unsupported, "EROFS cannot store the image: a file has more than 8 EiB");
      Place& place = made_.inodes[inode];
      place.size = file.size;
      if (file.is_sparse) want_chunks(file, place);
      const auto offset = data_offset(file);
      files.push_back({offset ? file.layer : 0, offset.value_or(0), inode});
    }
    limit_chunks();
    std::ranges::sort(files, {},
                      [](const Key& key) { return std::tie(key.layer, key.stream_offset, key.inode); });
    made_.runs.reserve(files.size());
    std::uint64_t block = 0;
    for (const Key& key : files) block = place_file(key.inode, block);
    made_.data_blocks = block;
    return {};
  }

  // Returns the first free block after the file.
  std::uint64_t place_file(Inode inode, std::uint64_t block) {
    const InodeView file = tree_.inode(inode);
    Place& place = made_.inodes[inode];
    place.start = static_cast<std::uint32_t>(block);
    const auto add_run = [&](std::uint64_t from, std::uint64_t to) {
      // Addresses that do not fit are refused when all are known.
      made_.runs.push_back({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(from),
                            static_cast<std::uint32_t>(inode)});
      block += to - from;
    };
    const std::uint64_t blocks = blocks_of(file.size);
    if (place.layout == Layout::chunks) {
      const auto ranges = data_of(file, place.chunk_bits);
      if (!is_whole(ranges, blocks)) {
        for (const BlockRange& range : ranges) add_run(range.begin, range.end);
        return block;
      }
      place.layout = Layout::plain;
    }
    add_run(0, blocks);
    return block;
  }

  static bool is_whole(std::span<const BlockRange> ranges, std::uint64_t blocks) {
    return ranges.size() == 1 && ranges[0].begin == 0 && ranges[0].end == blocks;
  }
  // Returns the size of a chunk that contains the whole file, as a power of two.
  static unsigned bits_of_whole(const Place& place) {
    return static_cast<unsigned>(std::bit_width(blocks_of(place.size) - 1));
  }

  // Makes a file with holes of whole blocks one in chunks: the largest that keep all of these holes.
  static void want_chunks(const InodeView& file, Place& place) {
    const auto ranges = data_of(file, 0);
    const std::uint64_t blocks = blocks_of(file.size);
    if (is_whole(ranges, blocks)) return;
    std::uint64_t borders = 0;
    for (const BlockRange& range : ranges) borders |= range.begin | (range.end < blocks ? range.end : 0);
    unsigned bits = std::min(bits_of_whole(place), kMostChunkBits);
    if (borders != 0) bits = std::min(bits, static_cast<unsigned>(std::countr_zero(borders)));
    place.layout = Layout::chunks;
    place.chunk_bits = static_cast<std::uint8_t>(bits);
  }

  // Returns the place with larger chunks, so that there are at most 2^`most_bits`; without chunks if they
  // would be too large for EROFS.
  static Place with_fewer_chunks(Place place, unsigned most_bits) {
    const unsigned whole = bits_of_whole(place);
    const unsigned bits = std::max<unsigned>(place.chunk_bits, whole - std::min(whole, most_bits));
    if (bits > kMostChunkBits) place.layout = Layout::plain;
    place.chunk_bits = static_cast<std::uint8_t>(bits);
    return place;
  }

  // Finds the limit for the chunks of a file with which those of all files are few enough: the largest tables
  // lose their smallest holes first.
  void limit_chunks() {
    std::vector<Place*> sparse;
    for (Place& place : made_.inodes)
      if (place.layout == Layout::chunks) sparse.push_back(&place);
    const std::uint64_t most = kMostChunks + kMostChunksPerInode * tree_.inode_count();
    const auto chunks_if = [&sparse](unsigned most_bits) {
      std::uint64_t chunks = 0;
      for (const Place* place : sparse) {
        const Place limited = with_fewer_chunks(*place, most_bits);
        if (limited.layout == Layout::chunks) chunks += chunk_count(limited);
      }
      return chunks;
    };
    unsigned most_bits = std::bit_width(kMostChunks) - 1;
    while (most_bits > 0 && chunks_if(most_bits) > most) --most_bits;
    for (Place* place : sparse) *place = with_fewer_chunks(*place, most_bits);
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
      const ErofsTree::Children children = tree_.children(directory);
      for (std::size_t rank = 0; rank < children.size(); ++rank) {
        const DirectoryEntry entry = children[rank];
        if (entry.name.size() > kLongestName)
          return cannot(directory, entry.name, "the name is longer than 255 bytes");
        if (made_.inodes[entry.inode].slot != 0) continue;  // a second link
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
    Place& place = made_.inodes[inode];
    const auto xattr_size = size_of_xattrs(inode, view, directory, name);
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

    std::uint64_t head = kInodeSize + place.xattr_size;
    if (place.layout == Layout::chunks) head = round_up(head, kChunkSize) + kChunkSize * chunk_count(place);
    auto at = find_place(head, place.tail);
    if (!at) {  // the tail fits only into a block of its own
      ++blocks;
      place.tail = 0;
      at = find_place(head, 0);
    }
    if (place.tail != 0) place.layout = Layout::inlined;
    place.slot = static_cast<std::uint32_t>(*at / kSlotSize);
    if (blocks != 0) {
      place.start = static_cast<std::uint32_t>(blocks_);
      blocks_ += blocks;
    }
    ++made_.inode_count;
    if (end_ / kSlotSize >= kBlockLimit || blocks_ >= kBlockLimit)
      return fail(Errc::unsupported, "EROFS cannot store the image: too many entries");
    if (end_ + blocks_ * kErofsBlockSize >
        std::min(kLargestMetadata, kSlack + kMostPerInode * tree_.inode_count()))
      return fail(Errc::unsupported, "EROFS cannot store the image: its metadata is too large");
    return {};
  }

  // Takes space for `head` bytes, followed by a tail that must not cross a border of blocks: from the first
  // gap if it fits, or at the end. Returns nullopt if it fits nowhere.
  std::optional<std::uint64_t> find_place(std::uint64_t head, std::uint64_t tail) {
    const auto is_valid = [&](std::uint64_t at) {
      return tail == 0 || (at + head) % kErofsBlockSize + tail <= kErofsBlockSize;
    };
    if (first_gap_ < gaps_.size()) {
      Gap& gap = gaps_[first_gap_];
      if (const std::uint64_t at = gap.begin; head + tail <= gap.end - at && is_valid(at)) {
        gap.begin = round_up(at + head + tail, kSlotSize);
        if (gap.end - gap.begin < kInodeSize) ++first_gap_;
        return at;
      }
    }
    std::uint64_t at = round_up(end_, kSlotSize);
    if (!is_valid(at)) {
      const std::uint64_t border = round_up(at + head, kErofsBlockSize);
      const std::uint64_t next = round_up(border - head, kSlotSize);
      if (!is_valid(next)) return std::nullopt;
      if (next - at >= kInodeSize) gaps_.push_back({at, next});
      at = next;
    }
    end_ = at + head + tail;
    return at;
  }

  Result<std::uint32_t> size_of_xattrs(Inode inode, const InodeView& view, Inode directory,
                                       std::string_view file) const {
    std::uint64_t size = 0;
    std::string_view too_large;
    tree_.for_each_xattr(inode, view, [&](std::string_view name, std::string_view value) {
      if (value.size() > kLargestXattrValue) too_large = name;
      size += round_up(kXattrEntrySize + xattr_name(name).rest.size() + value.size(), 4);
    });
    if (!too_large.empty())
      return cannot(directory, file, "its xattr " + std::string(too_large) + " has more than 65535 bytes");
    if (kXattrHeaderSize + size > kLargestXattrs)
      return cannot(directory, file, "its xattrs have more than 262148 bytes");
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

  Status place_areas() {
    made_.blocks_address = blocks_of(end_);
    made_.data_address = made_.blocks_address + blocks_;
    const std::uint64_t copies = placement_ == ErofsPlacement::two_devices ? 2 : 1;
    if (made_.data_blocks >= kBlockLimit || made_.data_address + copies * made_.data_blocks >= kBlockLimit)
      return fail(Errc::unsupported, "EROFS cannot store the image: more than 16 TiB");
    return {};
  }

  const ErofsTree& tree_;
  const ErofsPlacement placement_;
  Places made_;
  std::uint64_t end_ = 0;  // of the inodes so far, in bytes
  // Space between inodes, before those whose tail begins at a border of blocks, for the next inodes. Inodes
  // without a tail follow sooner or later: a directory with a long tail has many entries.
  struct Gap {
    std::uint64_t begin, end;  // multiples of kSlotSize
  };
  std::vector<Gap> gaps_;
  std::size_t first_gap_ = 0;  // those before are full
  std::uint64_t blocks_ = 0;   // behind the inodes so far
};

}  // namespace

XattrName xattr_name(std::string_view name) {
  for (const XattrPrefix& prefix : kXattrPrefixes)
    if (name.starts_with(prefix.text)) return {prefix.number, name.substr(prefix.text.size())};
  check(false, "FileAttributes shows an xattr of a namespace that EROFS does not know");
  return {};
}

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

std::uint64_t chunk_count(const Place& place) {
  const std::uint64_t chunk_size = kErofsBlockSize << place.chunk_bits;
  return place.size / chunk_size + (place.size % chunk_size != 0 ? 1 : 0);
}

Result<Places> place_image(const ErofsTree& tree, ErofsPlacement placement) {
  return Placer(tree, placement).run();
}

}  // namespace layoutfs::erofs
