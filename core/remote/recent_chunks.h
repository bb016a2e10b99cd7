// The chunks of a blob that were fetched most recently, in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "layoutfs/bytes.h"

namespace layoutfs {

using ChunkBytes = std::shared_ptr<const Bytes>;

// For chunks that cannot be stored in a file: without them, small reads of neighbouring bytes would fetch the
// same chunk again and again. For one thread at a time. Cost of all operations: linear in kMost.
class RecentChunks {
 public:
  static constexpr std::size_t kMost = 64;  // 4 MiB

  // Returns nullptr if the chunk is not there.
  ChunkBytes find(std::uint64_t chunk) const;
  // Replaces the oldest chunk if there are kMost.
  void add(std::uint64_t chunk, ChunkBytes bytes);
  // Removes the chunks [first, first + count).
  void drop(std::uint64_t first, std::uint64_t count);
  void clear() { chunks_.clear(); }

 private:
  std::deque<std::pair<std::uint64_t, ChunkBytes>> chunks_;  // oldest first
};

}  // namespace layoutfs
