// Finds possible starts of deflate blocks in the middle of a stream (RFC 1951, 3.2.7).
#pragma once

#include <cstdint>
#include <optional>

#include "layoutfs/bytes.h"

namespace layoutfs {

// Returns the first bit in [`from`, `to`), counted from the start of `bytes`, at which a dynamic block that
// is not the last one may start: its header lies in `bytes`, and its codes are complete, as zlib requires.
// Fewer than one in 10^9 random bits passes. But the result is not certain: stored content may contain whole
// deflate streams. Fixed and stored blocks are not found: their headers have too few bits to be recognized.
// They are rare, and fast to decode. Cost: about 10 ns per byte. Returns nullopt also after
// kMostHeadersTested headers, which only content that was made to be slow has.
inline constexpr std::size_t kMostHeadersTested = 20'000;
std::optional<std::uint64_t> find_dynamic_block(ByteView bytes, std::uint64_t from, std::uint64_t to);

}  // namespace layoutfs
