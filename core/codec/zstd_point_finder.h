// Chooses the access points inside of one zstd frame, and makes their states; see the account in
// zstd_point_finder.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/codec/codec.h"
#include "core/codec/zstd_chunk.h"
#include "core/codec/zstd_frame.h"
#include "core/codec/zstd_point.h"
#include "core/codec/zstd_walker.h"

namespace layoutfs::zstd {

// Distances in bytes of uncompressed stream. There is a point within `reach` of each multiple of `spacing`.
struct PointGrid {
  std::uint64_t spacing, reach;
};
// Returns the grid for frames with this window, if points should not be nearer than `spacing`.
PointGrid grid_for(std::uint64_t window_size, std::uint64_t spacing) noexcept;

// For one thread at a time. Keeps the chunks between the first boundary that may become a point and the last
// one added, and about as many matches; and a number for each 32 bytes of a window.
class PointFinder {
 public:
  PointFinder(const FrameHeader& frame, const PointGrid& grid, std::shared_ptr<BlockPointMaker> maker);

  // Follows the next chunk of the frame. Appends the points that this decides, at the start of this chunk or
  // of earlier ones.
  void add(std::shared_ptr<const Chunk> chunk, std::vector<LatePoint>& found);

 private:
  struct Record {
    std::shared_ptr<const Chunk> chunk;
    std::optional<EntropyState> state;  // at its start
    std::vector<Match> matches;         // that copy from before its start
    std::int64_t more_cells;            // cost at its start, minus that at the start of the preceding record
  };

  // In bytes from the start of the frame.
  std::uint64_t offset_of(const Chunk& chunk) const { return chunk.offset - *frame_offset_; }
  std::uint64_t region_start() const { return next_ * grid_.spacing - grid_.reach; }
  std::uint64_t region_end() const { return next_ * grid_.spacing + grid_.reach; }

  bool follow(const Chunk& chunk, std::vector<Match>* matches);
  void count_cells(const Record& record);
  void decide(std::vector<LatePoint>& found);
  std::optional<std::size_t> cheapest() const;
  std::optional<Bytes> make_state(std::size_t record);
  void drop_before(std::uint64_t offset);
  void give_up(std::string_view why);

  const FrameHeader frame_;
  const PointGrid grid_;
  std::shared_ptr<BlockPointMaker> maker_;
  BlockWalker walker_;
  std::vector<Continuation> following_;

  bool has_given_up_ = false;
  std::optional<std::uint64_t> frame_offset_, frame_position_;
  std::uint64_t next_ = 1;         // the multiple of the spacing near which the next point belongs
  std::uint64_t state_bytes_ = 0;  // of the points so far
  std::uint64_t skipped_ = 0;      // multiples without a point since the last one

  // Chunks are numbered from 1.
  std::uint32_t chunks_ = 0;            // so far
  std::uint32_t known_from_ = 1;        // all matches of the chunks from this one on are known
  std::uint32_t first_ = 1;             // number of the first record
  std::deque<Record> records_;          // from the first boundary that may become a point on
  std::int64_t cells_before_ = 0;       // cost at the start of the first record, minus its more_cells
  std::int64_t cells_touched_ = 0;      // by the last chunk, in earlier ones
  std::vector<std::uint32_t> toucher_;  // by cell, modulo its size
};

}  // namespace layoutfs::zstd
