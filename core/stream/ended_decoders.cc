// Decoders kept for their memory.
#include "core/stream/ended_decoders.h"

#include <algorithm>
#include <new>
#include <utility>

namespace layoutfs {

void EndedDecoders::keep(std::unique_ptr<Decoder> decoder) noexcept {
  const auto compression = decoder->end();
  if (!compression) return;
  std::size_t memory = decoder->memory();
  auto entries = entries_.lock();
  for (const Entry& other : *entries) memory += other.decoder->memory();
  if (memory > kMostMemory || entries->size() == kMost) return;
  try {
    entries->push_back({*compression, std::move(decoder)});
  } catch (const std::bad_alloc&) {
    // The next decoder gets new memory, or none.
  }
}

std::unique_ptr<Decoder> EndedDecoders::take(Compression compression) noexcept {
  auto entries = entries_.lock();
  const auto found = std::ranges::find(*entries, compression, &Entry::compression);
  if (found == entries->end()) return nullptr;
  auto decoder = std::move(found->decoder);
  entries->erase(found);
  return decoder;
}

}  // namespace layoutfs
