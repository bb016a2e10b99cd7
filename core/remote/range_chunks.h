// The chunks of a blob: the unit in which ranges are fetched, cached and checked.
#pragma once

#include <algorithm>
#include <cstdint>

namespace layoutfs {

// Every chunk of a blob has this size in bytes, except for the last one.
inline constexpr std::uint64_t kRangeChunk = std::uint64_t{64} << 10;

constexpr std::uint64_t chunk_at(std::uint64_t offset) { return offset / kRangeChunk; }
// Returns the number of chunks in `size` bytes.
constexpr std::uint64_t chunk_count(std::uint64_t size) {
  return size / kRangeChunk + (size % kRangeChunk != 0 ? 1 : 0);
}
// Returns the bytes of `chunk` in a blob of `size` bytes.
constexpr std::uint64_t chunk_size(std::uint64_t chunk, std::uint64_t size) {
  return std::min(kRangeChunk, size - chunk * kRangeChunk);
}

}  // namespace layoutfs
