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

// Index files are read in place, as little-endian structs.
static_assert(std::endian::native == std::endian::little, "layoutfs reads its index files in place");

// These return views of the same memory, without a copy.
inline ByteView as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Returns the little-endian number at `offset` of `bytes`. Precondition: `bytes` contains it.
template <class T>
T load_le(ByteView bytes, std::size_t offset = 0) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// Copies `from` to the front of `to`. Precondition: `to` is not smaller, and they do not overlap.
// (std::ranges::copy of g++ 12 copies spans byte by byte.)
inline void copy_bytes(ByteView from, std::span<std::byte> to) {
  if (!from.empty()) std::memcpy(to.first(from.size()).data(), from.data(), from.size());
}

// A sequence of bytes that is read once, in order. For one thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `out`. Returns the number of bytes, possibly fewer than out.size(); 0 only at the end
  // or if `out` is empty.
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;
};

// Reads bytes in memory, which must outlive the source.
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
