// The fast hash of a decoded span, as stored in index files.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "layoutfs/bytes.h"

struct XXH3_state_s;

namespace layoutfs {

// XXH3 128, low and high half, as in SpanRecord::digest.
using SpanDigest = std::array<std::uint64_t, 2>;
SpanDigest span_digest(ByteView span) noexcept;

// Hashes a span that arrives in pieces.
class SpanHasher {
 public:
  SpanHasher();
  void update(ByteView piece) noexcept;
  // Returns the digest and starts the next span.
  SpanDigest finish() noexcept;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const noexcept;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

}  // namespace layoutfs
