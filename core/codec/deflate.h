// Raw deflate (RFC 1951) by a library, with stops between blocks: decoding can start again there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// How far back a stream may refer.
inline constexpr std::size_t kDeflateWindow = std::size_t{1} << 15;

// The stream from a block boundary on, as far as it is known.
struct BlockStart {
  unsigned unused_bits;  // 0 to 7: how many bits of `byte_before` belong to the block
  std::uint8_t byte_before;
  ByteView following;  // the blob's bytes after that one
};

// Decodes one stream at a time, in pieces. For one thread at a time.
class DeflateDecoder {
 public:
  virtual ~DeflateDecoder() = default;

  // Begins a stream at its first block. As after construction.
  virtual void start() = 0;
  // Begins at a block; `window` (at most kDeflateWindow) is the stream before it. decode() gets the
  // bytes that follow.
  virtual void start_at(const BlockStart& block, ByteView window) = 0;

  enum class Stop {
    none,   // all of `in` was read, or `out` is full
    block,  // between two blocks
    end,    // after the last block
  };
  struct Progress {
    std::size_t read;     // bytes of `in`
    std::size_t written;  // bytes to the front of `out`
    Stop stop;
  };
  // `out` is not empty; `in` is empty only at the end of the blob. Stops between blocks only if
  // `stop_at_blocks`, and then not at every one: ISA-L shows some only by chance, which is the same for the
  // same sizes of `in` and `out`. Errc::corrupt for a broken stream.
  virtual Result<Progress> decode(ByteView in, std::span<std::byte> out, bool stop_at_blocks) = 0;

  // After Stop::block or Stop::end: the number of bits read that belong to the next block, or to the trailer.
  virtual std::size_t unread_bits() const = 0;
  static constexpr std::size_t kMaxUnread = 512;  // bytes
};

enum class DeflateLibrary : std::uint8_t { zlib, isal };

// Returns ISA-L, which is twice as fast as zlib, if it was built in and a trial, made once, shows the
// behaviour that deflate_isal.cc relies on; else zlib.
DeflateLibrary best_deflate_library();
// DeflateLibrary::isal only if best_deflate_library() returns it.
std::unique_ptr<DeflateDecoder> make_deflate_decoder(DeflateLibrary library);

// Returns the CRC-32 of gzip (RFC 1952, 8) of the bytes that have the CRC-32 `crc` followed by `bytes`. That
// of no bytes is 0.
std::uint32_t gzip_crc(std::uint32_t crc, ByteView bytes) noexcept;

}  // namespace layoutfs
