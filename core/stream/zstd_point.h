// The state of a zstd access point. Inside a frame it is a dictionary (RFC 8878, 5) that holds what a decoder
// carries from block to block, so that a decoder with that dictionary, in a frame begun anew, goes on there.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/stream/zstd_walker.h"

namespace layoutfs::zstd {

// Frames with larger windows get no points inside: making one takes six times the window in memory.
inline constexpr std::uint64_t kMaxPointWindow = std::uint64_t{16} << 20;

struct BlockPoint {
  std::uint64_t window_size;  // of the frame
  bool has_checksum;          // four bytes that follow the frame's last block
  Bytes dictionary;
};

// The state of a point at the start of a frame.
Bytes frame_point();

// Nothing for a point at the start of a frame. Errc::corrupt for what is no state.
Result<std::optional<BlockPoint>> parse_point(ByteView state);

// Makes `context` expect the blocks that follow `point`, as a frame without checksum. Returns what libzstd
// returned.
std::size_t begin_at(ZSTD_DCtx* context, const BlockPoint& point);

// A place between two blocks of a frame, and what the frame's own decoder made of the blocks that follow.
struct Boundary {
  const EntropyState& entropy;
  std::uint64_t window_size;  // of the frame, at most kMaxPointWindow
  bool has_checksum;          // as in BlockPoint
  ByteView window;            // what was decoded before, from the frame's start or `window_size` bytes on
  ByteView blocks;            // whole blocks, to the frame's end or until they regenerate `window_size` bytes
  ByteView expected;          // what `blocks` regenerate
};

// The state of a point there, which was tried: it gives `expected`. Only those bytes of the window that
// `blocks` refer to are kept. Nothing where no dictionary can say the state, or the trial gave other bytes.
std::optional<Bytes> make_block_point(const Boundary& boundary);

}  // namespace layoutfs::zstd
