// Hashes large content in parallel with other work on it.
#pragma once

#include <cstddef>
#include <span>

#include "core/base/serial_executor.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// Hashes pieces on its own thread while the caller writes them or reads the next ones. Content of a single
// piece needs no thread. For one caller at a time. Uses at most 1 MiB.
class HashPipe {
 public:
  static constexpr std::size_t kPieceSize = std::size_t{256} << 10;

  explicit HashPipe(Algorithm algorithm) : hasher_(algorithm) {}

  // Returns kPieceSize bytes for the next piece. Waits until the oldest piece is hashed if none is free.
  std::span<std::byte> buffer();
  // Hashes the first `size` bytes of the last buffer(). The caller may read them until the next buffer(), but
  // not change them.
  void submit(std::size_t size);
  // Returns the digest of all pieces. Call it once, at the end.
  Digest finish();

 private:
  static constexpr std::size_t kPieces = 4;

  Hasher hasher_;  // used by the executor until it is finished
  BufferRing pieces_{kPieces, kPieceSize};
  BufferRing::Buffer piece_;          // the last piece
  SerialExecutor executor_{kPieces};  // destroyed first
};

}  // namespace layoutfs
