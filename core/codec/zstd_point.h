// The state of a zstd access point. Inside a frame it is a dictionary (RFC 8878, 5) with the tables, repeat
// offsets and window that a decoder carries from block to block: a decoder with that dictionary, in a new
// frame, continues there.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/codec/zstd_context.h"
#include "core/codec/zstd_walker.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs::zstd {

// Frames with larger windows get no points inside, because making one takes about six times the window in
// memory.
inline constexpr std::uint64_t kMaxPointWindow = std::uint64_t{16} << 20;

struct BlockPoint {
  std::uint64_t window_size;  // of the frame
  bool has_checksum;          // four bytes follow the last block of the frame
  Bytes dictionary;
};

// Returns the state of a point at the start of a frame.
Bytes frame_point();

// Returns nullopt for a point at the start of a frame. Errc::corrupt if it is not a state.
Result<std::optional<BlockPoint>> parse_point(ByteView state);

// Prepares `context` for the blocks after `point`, as a frame without checksum. Returns the result of
// libzstd.
std::size_t begin_at(ZSTD_DCtx* context, const BlockPoint& point);

// A boundary between two blocks of a frame, and the following blocks with their decoded bytes.
struct Boundary {
  BlockWalker walker;         // after the preceding block; it has a state
  std::uint64_t window_size;  // of the frame, at most kMaxPointWindow
  bool has_checksum;          // as in BlockPoint
  Bytes window;               // the decoded bytes before, from the frame's start, at most `window_size`
  Bytes blocks;               // whole blocks, to the frame's end or until they regenerate `window_size` bytes
  Bytes expected;             // the bytes that `blocks` regenerate
};

// Makes the states of points inside frames. For one thread at a time. Keeps its memory, about three windows,
// from one point to the next.
class BlockPointMaker {
 public:
  BlockPointMaker();
  // Returns the state of a point at the boundary, after a test that gave `expected`. It contains only those
  // bytes of the window that `blocks` use. Returns nullopt if no dictionary can express the state, or if the
  // test gave other bytes.
  std::optional<Bytes> make(Boundary boundary);

 private:
  bool keep_copied(Boundary& boundary, std::span<std::byte> window);
  bool stands_trial(const Boundary& boundary);
  Bytes packed() const;

  DecompressionContext context_;
  BlockPoint point_;
  std::vector<Match> matches_;  // of one block
  Bytes decoded_;               // one part at a time
};

}  // namespace layoutfs::zstd
