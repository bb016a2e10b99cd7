// Decodes a zstd blob block by block and finds access points. zstd_indexer.cc opens with an account of them.
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
  // A boundary between two blocks that will be tried as a point once enough blocks behind it were decoded.
  struct Candidate {
    std::uint64_t offset;    // of the uncompressed stream
    std::uint64_t position;  // bytes of the blob
    BlockWalker walker;      // as it was there
    Bytes blocks;            // that follow, so far
  };

  // Each goes on by one frame header, skippable frame or block.
  Status begin_frame();
  Status skip_frame(ByteView magic_and_size);
  Status decode_block();

  // The next `count` bytes of the blob, fewer only at its end. Valid until the next call.
  Result<ByteView> peek(std::size_t count);
  // Gives a whole header, or a whole block with the checksum that may follow it, to libzstd, which must take
  // it all. True at the end of a frame.
  Result<bool> feed(ByteView bytes);
  Status end_frame();
  // Behind a block that regenerates so many bytes.
  void consider_boundary(std::uint64_t block_size);
  void try_candidate();
  std::uint64_t shortest_distance() const;
  // Waits for the outcome of the last trial, and sets the distance to the next point by the cost of that one.
  void await_trial();
  void report(std::uint64_t offset, FoundPoint point);
  void give_up_points(std::string_view why);
  // The start of the bytes that a point may still need as its window.
  std::uint64_t history_start() const;

  BufferedInput input_;
  PlainBuffer plain_;
  DecompressionContext context_;
  std::uint64_t spacing_;
  bool has_seen_frame_ = false;
  bool is_complete_ = false;

  // Of the last point, or the stream's start.
  std::uint64_t point_offset_ = 0;
  std::uint64_t point_position_ = 0;
  std::optional<FoundPoint> found_;  // at found_offset_, not yet reported
  std::uint64_t found_offset_ = 0;

  // A trial takes longer than decoding a window, so FoundPoint::make_state does it, perhaps in another
  // thread. Its outcome is the size of the point's state.
  struct Trial {
    std::future<std::optional<std::size_t>> outcome;
    std::uint64_t stream_distance, blob_distance;  // from the point before
  };
  std::shared_ptr<BlockPointMaker> maker_;  // of the points too; none before the first

  // Of the frame that is being decoded.
  std::optional<FrameHeader> frame_;
  std::uint64_t frame_offset_ = 0;
  std::uint64_t distance_ = 0;         // between points inside the frame
  std::optional<BlockWalker> walker_;  // none if the frame gets no more points
  std::optional<Candidate> candidate_;
  std::optional<Trial> trial_;  // of the last point
};

}  // namespace layoutfs::zstd
