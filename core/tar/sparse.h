// The maps of GNU tar's sparse files, and their invariants.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/tar/tar_parser.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

inline constexpr std::size_t kMaxExtents = 1'000'000;  // of one file

// Collects the extents of one file in the order of their data. Messages continue "tar header at byte N: ".
class SparseMap {
 public:
  // Errc::corrupt if an extent does not start after the preceding one. Errc::unsupported if there are more
  // than kMaxExtents.
  Status add(std::uint64_t offset, std::uint64_t size);
  // Adds numbers that are alternately offset and size.
  Status add_all(const std::vector<std::uint64_t>& numbers);

  // Returns the extents of a file of `real_size` bytes, whose `stored_size` bytes of data start at
  // `stream_offset`. Errc::corrupt if the sizes do not match the extents.
  Result<std::vector<Extent>> finish(std::uint64_t real_size, std::uint64_t stored_size,
                                     std::uint64_t stream_offset) &&;

 private:
  std::vector<Extent> extents_;  // stream_offset is relative to the first data byte
  std::uint64_t end_ = 0;        // of the last extent, in the file
  std::uint64_t stored_ = 0;     // bytes of all extents
};

// The old format (typeflag 'S'): the header holds four extents at kOldSparseTable. While the byte after a
// table is not zero, a block with 21 more extents follows.
inline constexpr std::size_t kOldSparseTable = 386, kOldSparsePieces = 4;
inline constexpr std::size_t kOldSparseMore = 482, kOldSparseRealSize = 483, kOldSparseRealSizeWidth = 12;
inline constexpr std::size_t kOldSparseBlockPieces = 21, kOldSparseBlockMore = 504;

// Adds up to `count` extents from the start of `table`; an unused one ends it.
Status add_old_sparse(SparseMap& map, ByteView table, std::size_t count);

// Format 1.0: lines with decimal numbers before the data: the number of extents, then offset and size of
// each.
class SparseTextMap {
 public:
  // Removes bytes from the start of `piece` until the map is complete.
  Status feed(ByteView& piece);
  bool is_complete() const { return remaining_ == std::uint64_t{0}; }
  SparseMap&& take() && { return std::move(map_); }

 private:
  Status add_number(std::uint64_t number);

  std::string digits_;                      // of the current number
  std::optional<std::uint64_t> remaining_;  // remaining numbers after the first one
  std::optional<std::uint64_t> offset_;     // of an extent; its size comes next
  SparseMap map_;
};

}  // namespace layoutfs
