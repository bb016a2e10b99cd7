// The state of a zstd access point. Inside a frame it is a dictionary (RFC 8878, 5) with the tables, repeat
// offsets and window that a decoder carries from block to block: a decoder with that dictionary, in a new
// frame, continues there. Only those bytes of the window that are needed are stored.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/codec/sparse_bytes.h"
#include "core/codec/zstd_chunk.h"
#include "core/codec/zstd_context.h"
#include "core/codec/zstd_frame.h"
#include "core/codec/zstd_walker.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs::zstd {

// Frames with larger windows get no points inside, because finding one takes about twice the window in
// memory.
inline constexpr std::uint64_t kMaxPointWindow = std::uint64_t{16} << 20;

// The tables and the window of a dictionary, contiguous. The window is zero at first; pages of it that are
// not written take no memory.
class Dictionary {
 public:
  static constexpr std::size_t kMaxTablesSize = std::size_t{4} << 10;
  // Has room for windows of up to `most` bytes. Throws std::bad_alloc.
  explicit Dictionary(std::size_t most);

  ByteView bytes() const noexcept {
    return {memory_.get() + kMaxTablesSize - tables_size_, tables_size_ + window_size_};
  }
  // The largest window there is room for, in bytes.
  std::size_t most() const noexcept { return most_; }
  // `tables` has at most kMaxTablesSize bytes, the window at most most() bytes.
  void set(ByteView tables, std::size_t window_size) noexcept;
  std::span<std::byte> window() noexcept { return {memory_.get() + kMaxTablesSize, window_size_}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept { std::free(memory); }
  };
  std::size_t most_, tables_size_ = 0, window_size_ = 0;
  std::unique_ptr<std::byte, Free> memory_;
};

struct BlockPoint {
  std::uint64_t window_size;  // of the frame
  bool has_checksum;          // four bytes follow the last block of the frame
  Dictionary dictionary;
};

// Returns the state of a point at the start of a frame.
Bytes frame_point();

// Parses states, one after the other, in the same memory. For one thread at a time.
class BlockPointReader {
 public:
  // Returns nullptr for a point at the start of a frame. Errc::corrupt if it is not a state. The point is
  // valid until the next call.
  Result<const BlockPoint*> read(ByteView state);
  // Returns the memory in use in bytes: the last state, and about as much of the window that was written.
  std::size_t memory() const noexcept;

 private:
  Result<const BlockPoint*> read_inside(ByteView state);

  Bytes plain_;                      // the last state, uncompressed; may be longer
  ByteView runs_;                    // the runs in it
  std::size_t number_of_runs_ = 0;   // in the window of the point
  std::optional<BlockPoint> point_;  // apart from these runs, its window is zero
};

// Prepares `context` for the blocks after `point`, as a frame without checksum. The context refers to the
// dictionary until it is reset or gets another one. Returns the result of libzstd.
std::size_t begin_at(ZSTD_DCtx* context, const BlockPoint& point);

// Decoded blocks after a boundary, with the matches that copy from before the chunk, relative to its start.
struct Continuation {
  const Chunk* chunk;
  std::span<const Match> matches;
};

// Makes the states of points inside frames. For one thread at a time. Keeps a window and libzstd's contexts
// from one point to the next.
class BlockPointMaker {
 public:
  BlockPointMaker();
  // Returns the state of a point before `following`, which reaches to the frame's end or regenerates a window
  // or more. `entropy` is the state there, and `window_size` (at most that of the frame) the number of bytes
  // before it that later blocks may refer to. Decodes the first chunks of `following` as a test. Returns
  // nullopt if no dictionary can express the state, or if the test gives other bytes.
  std::optional<Bytes> make(const FrameHeader& frame, const EntropyState& entropy, std::uint64_t window_size,
                            std::span<const Continuation> following);

 private:
  bool keep_copied(std::span<const Continuation> following);
  bool stands_trial(std::span<const Continuation> following);
  Bytes packed(ByteView tables);

  DecompressionContext context_;
  std::optional<BlockPoint> point_;    // its window is zero between two calls of make()
  std::vector<std::uint64_t> needed_;  // a bit for each byte of the window
  Bytes decoded_;
  RunWriter runs_;
  Bytes plain_;
  StateCompressor compressor_;
};

}  // namespace layoutfs::zstd
