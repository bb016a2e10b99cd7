// Bytes that lie in several places of memory, put together without copying them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "layoutfs/bytes.h"

namespace layoutfs {

// Keeps alive what it refers to. For one thread at a time.
class IoBuffers {
 public:
  // Shorter ones are copied, so that there are never many: at most two for as many bytes.
  static constexpr std::size_t kShortest = 4096;

  // `bytes` stay as they are as long as `owner` lives.
  void append(ByteView bytes, std::shared_ptr<const void> owner);
  void append_copy(ByteView bytes);
  void append_zeros(std::size_t size);

  std::size_t size() const noexcept { return size_; }
  // In order; none is empty. Valid until something is appended.
  std::span<const ByteView> views() const noexcept { return views_; }
  // `out` has room for all of them.
  void copy_to(std::span<std::byte> out) const noexcept;

 private:
  void add_view(ByteView bytes);

  std::vector<ByteView> views_;
  std::vector<std::shared_ptr<const void>> owners_;
  std::span<std::byte> free_;  // memory of our own that no view shows yet
  std::size_t size_ = 0;
};

}  // namespace layoutfs
