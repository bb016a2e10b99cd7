// The fast hash of a decoded span, as index files store it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "layoutfs/bytes.h"

struct XXH3_state_s;

namespace layoutfs {

// XXH3 128 of the bytes, low and high half, as SpanRecord::digest holds it.
using SpanDigest = std::array<std::uint64_t, 2>;
SpanDigest span_digest(ByteView span) noexcept;

// Of a span that arrives in pieces.
class SpanHasher {
 public:
  SpanHasher();
  void update(ByteView piece) noexcept;
  // And begins the next span.
  SpanDigest finish() noexcept;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const noexcept;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

}  // namespace layoutfs
