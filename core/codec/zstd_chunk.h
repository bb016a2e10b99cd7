// A few decoded blocks of a zstd frame, shared between the index pass and the search for access points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/codec/zstd_frame.h"
#include "layoutfs/bytes.h"

namespace layoutfs::zstd {

// Usual blocks regenerate 128 KiB, so a usual chunk is one block. Immutable when it is shared.
struct Chunk {
  // A chunk takes no more blocks when it has kMaxBlockSize decoded bytes.
  static constexpr std::size_t kCapacity = 2 * kMaxBlockSize;

  std::uint64_t offset = 0;    // of the first byte, in bytes from the start of the uncompressed stream
  std::uint64_t position = 0;  // of the first block, in bytes from the start of the blob
  std::unique_ptr<std::byte[]> plain = std::make_unique_for_overwrite<std::byte[]>(kCapacity);
  std::size_t size = 0;              // decoded bytes
  Bytes blocks;                      // the blocks with their headers; has room for a usual one
  std::vector<std::uint32_t> sizes;  // decoded bytes of each block
  bool ends_frame = false;

  ByteView bytes() const noexcept { return {plain.get(), size}; }
};

// Reuses the memory of chunks. Chunks may outlive it. Thread-safe.
class ChunkPool {
 public:
  // Returns an empty chunk.
  std::shared_ptr<Chunk> take();

 private:
  // About as many as a search keeps if the window is as large as it may be, because a page of new memory
  // costs more than decoding into it.
  static constexpr std::size_t kMaxFree = 256;
  struct Free {
    Free() { chunks.reserve(kMaxFree); }  // a chunk returns without allocating
    std::mutex mutex;
    std::vector<std::unique_ptr<Chunk>> chunks;
  };
  std::shared_ptr<Free> free_ = std::make_shared<Free>();
};

}  // namespace layoutfs::zstd
