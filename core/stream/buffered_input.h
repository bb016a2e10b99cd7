// The bytes of a blob through a buffer, with their place in the blob.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/base/bytes.h"
#include "core/base/error.h"

namespace layoutfs {

// For one thread at a time.
class BufferedInput {
 public:
  // `source` delivers the blob from byte `offset` on and must outlive this.
  BufferedInput(ByteSource& source, std::uint64_t offset, std::size_t capacity)
      : source_(source),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(capacity)),
        capacity_(capacity),
        offset_(offset) {}

  // Sees to it that something is available; false at the end of the blob.
  Result<bool> fill();
  // Sees to it that `size` bytes are available, at most the capacity; fewer only at the end of the blob.
  Status look_ahead(std::size_t size);
  ByteView available() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t size) noexcept;
  // Where available() begins, in bytes from the start of the blob.
  std::uint64_t offset() const noexcept { return offset_; }
  // The byte consumed last, 0 before there was one.
  std::uint8_t last_byte() const noexcept { return last_byte_; }

 private:
  ByteSource& source_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0, end_ = 0;  // what is available, in the buffer
  std::uint64_t offset_;
  std::uint8_t last_byte_ = 0;
};

}  // namespace layoutfs
