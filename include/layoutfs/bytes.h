// Bytes in memory, little-endian numbers in them, and a pull interface for bytes that arrive in order.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

// Binary file formats of ours are read in place, as little-endian structs.
static_assert(std::endian::native == std::endian::little, "layoutfs reads its index files in place");

inline ByteView as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The little-endian number at `offset` of `bytes`, which must hold it.
template <class T>
T load_le(ByteView bytes, std::size_t offset = 0) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// Copies `from` to the front of `to`, which must not be smaller; they must not overlap. (std::ranges::copy of
// g++ 12 copies spans byte by byte.)
inline void copy_bytes(ByteView from, std::span<std::byte> to) {
  if (!from.empty()) std::memcpy(to.first(from.size()).data(), from.data(), from.size());
}

// Bytes in order, once, for one thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `out`; 0 only at the end (or for an empty `out`), short reads allowed.
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;
};

// Bytes in memory, which must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(ByteView bytes) : bytes_(bytes) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const ByteView piece = bytes_.first(std::min(out.size(), bytes_.size()));
    copy_bytes(piece, out);
    bytes_ = bytes_.subspan(piece.size());
    return piece.size();
  }

 private:
  ByteView bytes_;
};

}  // namespace layoutfs
