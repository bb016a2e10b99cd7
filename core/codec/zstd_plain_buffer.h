// The buffer that the zstd indexer decodes into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "layoutfs/bytes.h"

namespace layoutfs::zstd {

// The end of the uncompressed stream: bytes not handed out yet, and before them those that are to be kept.
// Offsets are bytes from the stream's start.
class PlainBuffer {
 public:
  // At least `count` bytes behind end() to write to. May move everything, and forgets the bytes
  // before `keep_from` that were handed out.
  std::span<std::byte> room(std::size_t count, std::uint64_t keep_from);
  // The first `count` bytes of the room were written.
  void grow(std::size_t count) noexcept { size_ += count; }
  // Copies bytes that were not handed out yet and lie before `limit` into `out`.
  std::size_t hand_out(std::span<std::byte> out, std::uint64_t limit) noexcept;

  // Must not have been forgotten. Valid until the next call of room.
  ByteView view(std::uint64_t from, std::uint64_t to) const noexcept;
  std::uint64_t end() const noexcept { return begin_ + size_; }
  std::uint64_t handed_out() const noexcept { return handed_out_; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::uint64_t begin_ = 0;
  std::uint64_t handed_out_ = 0;
};

}  // namespace layoutfs::zstd
