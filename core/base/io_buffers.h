// A sequence of byte ranges in memory, without copying them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "layoutfs/bytes.h"

namespace layoutfs {

// Keeps the memory of its ranges alive. For one thread at a time.
class IoBuffers {
 public:
  // Shorter ranges are copied, which bounds the number of ranges: at most two per kShortest bytes.
  static constexpr std::size_t kShortest = 4096;

  // `bytes` must not change while `owner` lives.
  void append(ByteView bytes, std::shared_ptr<const void> owner);
  void append_copy(ByteView bytes);
  void append_zeros(std::size_t size);

  std::size_t size() const noexcept { return size_; }
  // In order, none empty. Valid until the next append().
  std::span<const ByteView> views() const noexcept { return views_; }
  // Precondition: `out` has room for all bytes.
  void copy_to(std::span<std::byte> out) const noexcept;

 private:
  void add_view(ByteView bytes);

  std::vector<ByteView> views_;
  std::vector<std::shared_ptr<const void>> owners_;
  std::span<std::byte> free_;  // own memory that no view covers yet
  std::size_t size_ = 0;
};

}  // namespace layoutfs
