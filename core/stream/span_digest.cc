// The check value of a decoded span, by libxxhash.
#include "core/stream/span_digest.h"

#include <xxhash.h>

namespace layoutfs {

std::array<std::uint64_t, 2> span_digest(ByteView span) noexcept {
  const XXH128_hash_t hash = XXH3_128bits(span.data(), span.size());
  return {hash.low64, hash.high64};
}

}  // namespace layoutfs
