// Buffered reading of a blob, with the position in the blob.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// For one thread at a time.
class BufferedInput {
 public:
  // Consumed bytes that stay readable.
  static constexpr std::size_t kBehind = 1024;

  // `source` delivers the blob from byte `offset` on, and must outlive this.
  BufferedInput(ByteSource& source, std::uint64_t offset, std::size_t capacity)
      : source_(source),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(kBehind + capacity)),
        capacity_(capacity),
        first_offset_(offset),
        offset_(offset) {}

  // Reads if nothing is available. Returns false at the end of the blob.
  Result<bool> fill();
  // Reads until `size` bytes are available, at most the capacity; fewer only at the end of the blob.
  Status look_ahead(std::size_t size);
  ByteView available() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t size) noexcept;
  // Undoes the consumption of the last `size` bytes, at most kBehind.
  void unconsume(std::size_t size) noexcept;
  // Like available(), but starting at byte `offset` of the blob, which was consumed at most kBehind bytes
  // ago.
  ByteView available_from(std::uint64_t offset) const noexcept;
  // Returns the position of available(), in bytes from the start of the blob.
  std::uint64_t offset() const noexcept { return offset_; }

 private:
  std::size_t behind() const noexcept;
  void move_to_front() noexcept;

  ByteSource& source_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = kBehind, end_ = kBehind;  // available(), in the buffer
  std::uint64_t first_offset_, offset_;
};

}  // namespace layoutfs
