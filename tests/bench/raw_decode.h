// ISA-L and libzstd over a whole blob, with as little around them as possible: the limit of decoding on this
// machine.
#pragma once

#include <cstdint>
#include <string>

#include "layoutfs/bytes.h"

namespace layoutfs::bench {

inline constexpr std::size_t kPiece = std::size_t{256} << 10;  // bytes: stays in a core's cache
inline constexpr std::size_t kPiecesInFlight = 8;              // of the blob, and as many of the content

enum class Part : std::uint8_t { blob, content };

// Gets every byte of the blob and of its content, in order, in pieces of about kPiece bytes.
class PieceReader {
 public:
  virtual ~PieceReader() = default;
  // Returns a number for wait(). The bytes stay the same until wait() has returned. Does not block.
  virtual std::uint64_t take(Part part, ByteView piece) = 0;
  // Returns when the piece with this number is no longer needed.
  virtual void wait(std::uint64_t number) = 0;
};

// Decodes a gzip or zstd blob, known by its first bytes, on the calling thread, and returns the size of the
// content. Checksums inside the blob are verified if there is a reader, otherwise not. Throws
// std::runtime_error if the blob cannot be read or decoded.
std::uint64_t decode_file(const std::string& path, PieceReader* reader);

}  // namespace layoutfs::bench
