// Rules shared by the writer and the reader of layer_index.fbs, beyond the schema.
#pragma once

#include <cstdint>

namespace layoutfs {

// Increment it with each change of the schema, of the meaning of its fields, or of the supported tar formats.
inline constexpr std::uint32_t kLayerIndexVersion = 4;

// Entry.place holds two numbers for sparse files and devices.
constexpr std::uint64_t join_halves(std::uint32_t upper, std::uint32_t lower) {
  return std::uint64_t{upper} << 32 | lower;
}
constexpr std::uint32_t upper_half(std::uint64_t both) { return static_cast<std::uint32_t>(both >> 32); }
constexpr std::uint32_t lower_half(std::uint64_t both) { return static_cast<std::uint32_t>(both); }

}  // namespace layoutfs
