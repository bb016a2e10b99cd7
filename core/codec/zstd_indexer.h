// Decodes a zstd blob block by block and finds access points; see the account in zstd_indexer.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/codec/buffered_input.h"
#include "core/codec/codec.h"
#include "core/codec/zstd_context.h"
#include "core/codec/zstd_frame.h"
#include "core/codec/zstd_plain_buffer.h"
#include "core/codec/zstd_point.h"
#include "core/codec/zstd_walker.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs::zstd {

class Indexer final : public IndexingDecoder {
 public:
  Indexer(ByteSource& source, std::uint64_t spacing);
  Result<Step> step(std::span<std::byte> out) override;

 private:
  // A boundary between two blocks that is tested as a point after enough of the following blocks were
  // decoded.
  struct Candidate {
    std::uint64_t offset;    // of the uncompressed stream
    std::uint64_t position;  // bytes of the blob
    BlockWalker walker;      // its state at the boundary
    Bytes blocks;            // the following blocks so far
  };

  // Each consumes one frame header, skippable frame or block.
  Status begin_frame();
  Status skip_frame(ByteView magic_and_size);
  Status decode_block();

  // Returns the next `count` bytes of the blob, fewer only at its end. Valid until the next call.
  Result<ByteView> peek(std::size_t count);
  // Gives a whole header, or a whole block with its optional checksum, to libzstd, which must consume all of
  // it. Returns true at the end of a frame.
  Result<bool> feed(ByteView bytes);
  Status end_frame();
  // Called after a block that regenerates this number of bytes.
  void consider_boundary(std::uint64_t block_size);
  void try_candidate();
  std::uint64_t shortest_distance() const;
  // Waits for the last test, and sets the distance to the next point by its cost.
  void await_trial();
  void report(std::uint64_t offset, FoundPoint point);
  void give_up_points(std::string_view why);
  // Returns the first byte that a later point may need in its window.
  std::uint64_t history_start() const;

  BufferedInput input_;
  PlainBuffer plain_;
  DecompressionContext context_;
  std::uint64_t spacing_;
  bool has_seen_frame_ = false;
  bool is_complete_ = false;

  // Of the last point or the start of the stream.
  std::uint64_t point_offset_ = 0;
  std::uint64_t point_position_ = 0;
  std::optional<FoundPoint> found_;  // at found_offset_, not reported yet
  std::uint64_t found_offset_ = 0;

  // A test takes longer than decoding a window, so FoundPoint::make_state runs it, possibly in another
  // thread. Its result is the size of the point's state.
  struct Trial {
    std::future<std::optional<std::size_t>> outcome;
    std::uint64_t stream_distance, blob_distance;  // from the previous point
  };
  std::shared_ptr<BlockPointMaker> maker_;  // shared with the points; null before the first

  // Of the current frame.
  std::optional<FrameHeader> frame_;
  std::uint64_t frame_offset_ = 0;
  std::uint64_t distance_ = 0;         // between points inside the frame
  std::optional<BlockWalker> walker_;  // nullopt if the frame gets no more points
  std::optional<Candidate> candidate_;
  std::optional<Trial> trial_;  // of the last point
};

}  // namespace layoutfs::zstd
