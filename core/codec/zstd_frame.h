// The frame and block headers of zstd (RFC 8878, 3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs::zstd {

inline constexpr std::size_t kMagicSize = 4;
inline constexpr std::size_t kMaxFrameHeaderSize = 18;  // including the magic number
inline constexpr std::size_t kSkippableHeaderSize = 8;  // magic number and content size
inline constexpr std::size_t kBlockHeaderSize = 3;
inline constexpr std::size_t kChecksumSize = 4;
inline constexpr std::size_t kMaxBlockSize = std::size_t{128} << 10;  // compressed and uncompressed

// Precondition: `bytes` has at least kMagicSize bytes.
bool is_frame(ByteView bytes) noexcept;
bool is_skippable_frame(ByteView bytes) noexcept;

struct FrameHeader {
  std::size_t size;           // of the header including the magic number
  std::uint64_t window_size;  // largest distance of a reference, in bytes
  bool has_checksum;
  std::optional<std::uint64_t> content_size;  // decoded size in bytes, if the frame states it
};

// Precondition: `bytes` starts with a frame's magic number. Returns nullopt if the header is longer than
// `bytes`. Errc::corrupt if a reserved bit is set. Errc::unsupported if the window exceeds 128 MiB or a
// dictionary is needed.
Result<std::optional<FrameHeader>> parse_frame_header(ByteView bytes);

enum class BlockType : std::uint8_t { raw, rle, compressed };

struct BlockHeader {
  bool is_last;
  BlockType type;
  std::size_t content_size;      // bytes after the header
  std::size_t regenerated_size;  // of a raw or RLE block; 0 for a compressed one, which does not state it
};

// Precondition: `bytes` has at least kBlockHeaderSize bytes. Errc::corrupt if the type is reserved or the
// size exceeds 128 KiB.
Result<BlockHeader> parse_block_header(ByteView bytes);

// Returns the header of a frame with at least this window, without content size and checksum, that needs the
// dictionary `dictionary_id`.
Bytes make_frame_header(std::uint64_t window_size, std::uint8_t dictionary_id);

}  // namespace layoutfs::zstd
