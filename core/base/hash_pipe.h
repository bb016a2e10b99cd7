// Hashing of large content beside whatever else is done with it.
#pragma once

#include <cstddef>
#include <span>

#include "core/base/serial_executor.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// Hashes pieces on a thread of its own while the caller writes them, or reads the next ones. Content of a
// single piece needs no thread and gets none. For one caller at a time; takes 1 MiB at most.
class HashPipe {
 public:
  static constexpr std::size_t kPieceSize = std::size_t{256} << 10;

  explicit HashPipe(Algorithm algorithm) : hasher_(algorithm) {}

  // kPieceSize bytes for the next piece. Waits for the hashing of the oldest one.
  std::span<std::byte> buffer();
  // Hashes the first `size` bytes of the last buffer(): they may be read from now on, until the next one, and
  // no longer changed.
  void submit(std::size_t size);
  // Of all pieces. Once, at the end.
  Digest finish();

 private:
  static constexpr std::size_t kPieces = 4;

  Hasher hasher_;  // the executor's, until it is finished
  BufferRing pieces_{kPieces, kPieceSize};
  BufferRing::Buffer piece_;          // the last one
  SerialExecutor executor_{kPieces};  // ends first
};

}  // namespace layoutfs
