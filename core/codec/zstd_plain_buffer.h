// The output buffer of the zstd indexer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "layoutfs/bytes.h"

namespace layoutfs::zstd {

// The end of the uncompressed stream: bytes not handed out yet, preceded by bytes that must be kept. Offsets
// are bytes from the start of the stream.
class PlainBuffer {
 public:
  // Returns at least `count` writable bytes after end(). May move the content and drops bytes before
  // `keep_from` that were handed out.
  std::span<std::byte> room(std::size_t count, std::uint64_t keep_from);
  // Call it after writing the first `count` bytes of the room.
  void grow(std::size_t count) noexcept { size_ += count; }
  // Copies bytes before `limit` that were not handed out yet to `out`. Returns their number.
  std::size_t hand_out(std::span<std::byte> out, std::uint64_t limit) noexcept;

  // The range must not have been dropped. Valid until the next call of room.
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
