// Reuses the memory of decoded spans: mapping and unmapping its pages would take a noticeable part of the
// decoding time, and an allocator would mix long-lived and short-lived blocks.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "layoutfs/bytes.h"

namespace layoutfs {

class SpanBufferPool;

// The bytes of a span. Not zeroed, because they are overwritten immediately.
class SpanBuffer {
 public:
  explicit SpanBuffer(std::size_t size) : SpanBuffer(new std::byte[size], size, nullptr) {}
  SpanBuffer(const SpanBuffer&) = delete;
  SpanBuffer& operator=(const SpanBuffer&) = delete;
  ~SpanBuffer();

  std::byte* data() noexcept { return bytes_; }
  const std::byte* data() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return size_; }
  // Returns the allocated bytes.
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
  const std::shared_ptr<SpanBufferPool> pool_;  // the pool to which the memory returns; null if it is freed
};
using SpanBytes = std::shared_ptr<const SpanBuffer>;

// Thread-safe. Lives as long as its buffers. Its memory is the maximum that its buffers have used together.
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
