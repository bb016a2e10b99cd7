// Rules shared by the writer and the reader of layer_index.fbs, beyond the schema.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstdint>
#include <span>
#include <type_traits>

#include "layoutfs/bytes.h"

namespace layoutfs {

// Increment it with each change of the schema, of the meaning of its fields, or of the supported tar formats.
inline constexpr std::uint32_t kLayerIndexVersion = 5;

// Entry.place holds two numbers for sparse files and devices.
constexpr std::uint64_t join_halves(std::uint32_t upper, std::uint32_t lower) {
  return std::uint64_t{upper} << 32 | lower;
}
constexpr std::uint32_t upper_half(std::uint64_t both) { return static_cast<std::uint32_t>(both >> 32); }
constexpr std::uint32_t lower_half(std::uint64_t both) { return static_cast<std::uint32_t>(both); }

// Converts a vector of structs to the program's structs of equal layout; an absent vector is empty.
template <class T, class Stored>
std::span<const T> table_in_place(const flatbuffers::Vector<const Stored*>* vector) {
  static_assert(sizeof(T) == sizeof(Stored) && alignof(T) == alignof(Stored));
  static_assert(std::is_trivially_copyable_v<T>);
  if (vector == nullptr) return {};
  return {reinterpret_cast<const T*>(vector->Data()), vector->size()};
}

inline ByteView table_in_place(const flatbuffers::Vector<std::uint8_t>* vector) {
  if (vector == nullptr) return {};
  return std::as_bytes(std::span(vector->Data(), vector->size()));
}

// Returns whether `size` items from `offset` on are among `whole` items; the sum may overflow.
constexpr bool is_inside_table(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

}  // namespace layoutfs
