// The chunks of a blob that were fetched most recently.
#include "core/remote/recent_chunks.h"

#include <algorithm>

namespace layoutfs {

ChunkBytes RecentChunks::find(std::uint64_t chunk) const {
  const auto found = std::ranges::find(chunks_, chunk, &std::pair<std::uint64_t, ChunkBytes>::first);
  return found == chunks_.end() ? nullptr : found->second;
}

void RecentChunks::add(std::uint64_t chunk, ChunkBytes bytes) {
  drop(chunk, 1);
  if (chunks_.size() == kMost) chunks_.pop_front();
  chunks_.emplace_back(chunk, std::move(bytes));
}

void RecentChunks::drop(std::uint64_t first, std::uint64_t count) {
  std::erase_if(chunks_, [&](const auto& kept) { return kept.first >= first && kept.first - first < count; });
}

}  // namespace layoutfs
