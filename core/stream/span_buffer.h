// The memory of decoded spans, which is used again: making and giving back its pages would take longer than
// decoding does in part, and an allocator would scatter what lives long among what does not.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "layoutfs/bytes.h"

namespace layoutfs {

class SpanBufferPool;

// The bytes of a span. They are not set to zeros first: something is decoded into them at once.
class SpanBuffer {
 public:
  explicit SpanBuffer(std::size_t size) : SpanBuffer(new std::byte[size], size, nullptr) {}
  SpanBuffer(const SpanBuffer&) = delete;
  SpanBuffer& operator=(const SpanBuffer&) = delete;
  ~SpanBuffer();

  std::byte* data() noexcept { return bytes_; }
  const std::byte* data() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return size_; }
  // Bytes of memory that it takes.
  std::size_t capacity() const noexcept;
  const std::byte* begin() const noexcept { return data(); }
  const std::byte* end() const noexcept { return data() + size_; }
  operator std::span<std::byte>() noexcept { return {data(), size_}; }
  operator ByteView() const noexcept { return {data(), size_}; }

 private:
  friend class SpanBufferPool;
  SpanBuffer(std::byte* bytes, std::size_t size, std::shared_ptr<SpanBufferPool> pool) noexcept
      : bytes_(bytes), size_(size), pool_(std::move(pool)) {}

  std::byte* const bytes_;
  const std::size_t size_;
  const std::shared_ptr<SpanBufferPool> pool_;  // which the bytes go back to; none where they are freed
};
using SpanBytes = std::shared_ptr<const SpanBuffer>;

// Thread-safe. Lives as long as a buffer of it, and has as much memory as its buffers took together at any
// time.
class SpanBufferPool : public std::enable_shared_from_this<SpanBufferPool> {
 public:
  static std::shared_ptr<SpanBufferPool> create();
  ~SpanBufferPool();
  std::shared_ptr<SpanBuffer> make(std::size_t size);

 private:
  friend class SpanBuffer;
  struct State;
  SpanBufferPool();
  std::byte* take();
  void take_back(std::byte* block) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
