// The maps of GNU tar's sparse files, and what they must keep.
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

// Collects the pieces of one file in the order in which their data follow. All errors are in words that go on
// after "tar header at byte N: ".
class SparseMap {
 public:
  // Errc::corrupt where a piece does not lie behind the one before; Errc::unsupported for more than
  // kMaxExtents.
  Status add(std::uint64_t offset, std::uint64_t size);
  // Offset and size by turns.
  Status add_all(const std::vector<std::uint64_t>& numbers);

  // The extents of a file of `real_size` bytes whose `stored_size` bytes of data begin at `stream_offset`.
  // Errc::corrupt where these sizes are not those of the pieces.
  Result<std::vector<Extent>> finish(std::uint64_t real_size, std::uint64_t stored_size,
                                     std::uint64_t stream_offset) &&;

 private:
  std::vector<Extent> extents_;  // stream_offset counts from the first data byte
  std::uint64_t end_ = 0;        // of the last piece, in the file
  std::uint64_t stored_ = 0;     // bytes of all pieces
};

// The old format (typeflag 'S'): the header holds four pieces from kOldSparseTable on; while the byte behind
// a table is not zero, a block with 21 more follows.
inline constexpr std::size_t kOldSparseTable = 386, kOldSparsePieces = 4;
inline constexpr std::size_t kOldSparseMore = 482, kOldSparseRealSize = 483, kOldSparseRealSizeWidth = 12;
inline constexpr std::size_t kOldSparseBlockPieces = 21, kOldSparseBlockMore = 504;

// Adds up to `count` pieces at the front of `table`: an unused one ends it.
Status add_old_sparse(SparseMap& map, ByteView table, std::size_t count);

// Format 1.0: decimal numbers, each with a newline, in front of the data: how many pieces, then offset and
// size of each.
class SparseTextMap {
 public:
  // Takes bytes off the front of `piece` until the map is complete.
  Status feed(ByteView& piece);
  bool is_complete() const { return remaining_ == std::uint64_t{0}; }
  SparseMap&& take() && { return std::move(map_); }

 private:
  Status add_number(std::uint64_t number);

  std::string digits_;                      // of the number that is being read
  std::optional<std::uint64_t> remaining_;  // numbers after the first one
  std::optional<std::uint64_t> offset_;     // of a piece whose size comes next
  SparseMap map_;
};

}  // namespace layoutfs
