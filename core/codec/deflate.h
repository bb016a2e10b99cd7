// Raw deflate (RFC 1951), with stops at block boundaries, from which decoding can resume.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The largest distance of a reference, in bytes.
inline constexpr std::size_t kDeflateWindow = std::size_t{1} << 15;

// The known part of a stream from a block boundary on.
struct BlockStart {
  unsigned unused_bits;  // 0 to 7: number of bits of `byte_before` that belong to the block
  std::uint8_t byte_before;
  ByteView following;  // the bytes of the blob after that one
};

// Returns a block that starts at a bit (0 to 7) of the first byte of `blob`.
inline BlockStart block_start(ByteView blob, unsigned first_bit) noexcept {
  if (first_bit == 0) return {0, 0, blob};
  return {8 - first_bit, std::to_integer<std::uint8_t>(blob.front()), blob.subspan(1)};
}

// Decodes one stream at a time, in pieces. For one thread at a time.
class DeflateDecoder {
 public:
  virtual ~DeflateDecoder() = default;

  // Starts a stream at its first block. The state after construction.
  virtual void start() = 0;
  // Starts at a block. `window` (at most kDeflateWindow) is the preceding stream. decode() gets the following
  // bytes.
  virtual void start_at(const BlockStart& block, ByteView window) = 0;

  enum class Stop {
    none,   // all of `in` was read, or `out` is full
    block,  // between two blocks
    end,    // after the last block
  };
  struct Progress {
    std::size_t read;     // bytes consumed from `in`
    std::size_t written;  // bytes written to `out`
    Stop stop;
  };
  // `out` is not empty; `in` is empty only at the end of the blob. Stops between blocks only if
  // `stop_at_blocks`, and then not at every block: ISA-L shows some boundaries only for certain sizes of `in`
  // and `out`; equal sizes give equal stops. Errc::corrupt if the stream is invalid.
  virtual Result<Progress> decode(ByteView in, std::span<std::byte> out, bool stop_at_blocks) = 0;

  // After Stop::block or Stop::end: returns the number of consumed bits that belong to the next block or to
  // the trailer.
  virtual std::size_t unread_bits() const = 0;
  static constexpr std::size_t kMaxUnread = 512;  // bytes
};

enum class DeflateLibrary : std::uint8_t { zlib, isal };

// Returns ISA-L, which is twice as fast as zlib, if it was built in and a self-test (once per process)
// confirms the behaviour on which deflate_isal.cc relies; otherwise zlib.
DeflateLibrary best_deflate_library();
// DeflateLibrary::isal is valid only if best_deflate_library() returns it.
std::unique_ptr<DeflateDecoder> make_deflate_decoder(DeflateLibrary library);

// Returns the CRC-32 of gzip (RFC 1952, 8) of data with the CRC-32 `crc` followed by `bytes`. The CRC of no
// data is 0.
std::uint32_t gzip_crc(std::uint32_t crc, ByteView bytes) noexcept;

}  // namespace layoutfs
