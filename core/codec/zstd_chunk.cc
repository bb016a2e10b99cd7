// Recycles chunks through a free list that lives as long as any of them.
#include "core/codec/zstd_chunk.h"

#include <utility>

namespace layoutfs::zstd {

std::shared_ptr<Chunk> ChunkPool::take() {
  std::unique_ptr<Chunk> chunk;
  {
    const std::lock_guard lock(free_->mutex);
    if (!free_->chunks.empty()) {
      chunk = std::move(free_->chunks.back());
      free_->chunks.pop_back();
    }
  }
  if (chunk == nullptr) {
    chunk = std::make_unique<Chunk>();
    chunk->blocks.reserve(kBlockHeaderSize + kMaxBlockSize);
  }
  chunk->size = 0;
  chunk->blocks.clear();
  chunk->sizes.clear();
  chunk->ends_frame = false;
  return {chunk.release(), [free = free_](Chunk* used) {
            std::unique_ptr<Chunk> owned(used);
            const std::lock_guard lock(free->mutex);
            if (free->chunks.size() < kMaxFree) free->chunks.push_back(std::move(owned));
          }};
}

}  // namespace layoutfs::zstd
