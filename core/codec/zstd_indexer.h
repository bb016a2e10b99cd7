// Decodes a zstd blob block by block and finds access points; see the account in zstd_indexer.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/codec/buffered_input.h"
#include "core/codec/codec.h"
#include "core/codec/zstd_chunk.h"
#include "core/codec/zstd_context.h"
#include "core/codec/zstd_frame.h"
#include "core/codec/zstd_point.h"
#include "core/codec/zstd_point_finder.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs::zstd {

class Indexer final : public IndexingDecoder {
 public:
  Indexer(ByteSource& source, std::uint64_t spacing);
  Result<Step> step(std::span<std::byte> out) override;

 private:
  // Fills `out`, or stops at a point or at the end.
  Status fill(std::span<std::byte> out, Step& step);
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
  void choose_grid();
  void begin_chunk();
  // Copies bytes of the chunk, and describes them in `step`.
  void hand_out(std::span<std::byte> out, Step& step);

  BufferedInput input_;
  ChunkPool chunks_;
  DecompressionContext context_;
  std::uint64_t spacing_;
  bool has_seen_frame_ = false;
  bool is_complete_ = false;

  std::shared_ptr<Chunk> chunk_;  // being decoded or handed out; null before the first
  bool is_chunk_complete_ = false;
  std::size_t handed_out_ = 0;  // bytes of chunk_
  std::uint64_t end_ = 0;       // of the stream so far

  std::uint64_t point_offset_ = 0;   // of the last point at a frame's start
  std::optional<FoundPoint> found_;  // after the bytes of chunk_

  // Of the current frame.
  std::optional<FrameHeader> frame_;
  std::uint64_t frame_offset_ = 0;
  std::size_t chunk_size_ = 0;  // decoded bytes that complete a chunk
  bool has_points_ = false;     // whether it may get points inside
  PointGrid grid_{};
  std::shared_ptr<PointFinder> finder_;  // shared with the searches; null before the first complete chunk

  struct Followed {
    std::shared_ptr<PointFinder> finder;
    std::shared_ptr<const Chunk> chunk;
  };
  std::vector<Followed> followed_;          // by the search of the current step
  std::shared_ptr<BlockPointMaker> maker_;  // shared with the finders; null before the first
};

}  // namespace layoutfs::zstd
