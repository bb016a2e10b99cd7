// Keeps the end of the uncompressed stream contiguous in memory.
#include "core/codec/zstd_plain_buffer.h"

#include <algorithm>

namespace layoutfs::zstd {

std::span<std::byte> PlainBuffer::room(std::size_t count, std::uint64_t keep_from) {
  if (capacity_ - size_ < count) {
    const std::uint64_t begin = std::clamp(keep_from, begin_, handed_out_);
    const auto dropped = static_cast<std::size_t>(begin - begin_);
    const std::size_t kept = size_ - dropped;
    // Three times as many bytes are decoded as moved.
    constexpr std::size_t kSpare = 4;
    if ((kept + count) * kSpare > capacity_) {
      const std::size_t capacity = (kept + count) * kSpare;
      auto data = std::make_unique_for_overwrite<std::byte[]>(capacity);
      std::copy_n(data_.get() + dropped, kept, data.get());
      data_ = std::move(data);
      capacity_ = capacity;
    } else {
      std::copy_n(data_.get() + dropped, kept, data_.get());
    }
    begin_ = begin;
    size_ = kept;
  }
  return {data_.get() + size_, capacity_ - size_};
}

std::size_t PlainBuffer::hand_out(std::span<std::byte> out, std::uint64_t limit) noexcept {
  const std::uint64_t ready = std::min(limit, end()) - handed_out_;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), ready));
  std::copy_n(view(handed_out_, handed_out_ + count).data(), count, out.data());
  handed_out_ += count;
  return count;
}

ByteView PlainBuffer::view(std::uint64_t from, std::uint64_t to) const noexcept {
  return {data_.get() + (from - begin_), static_cast<std::size_t>(to - from)};
}

}  // namespace layoutfs::zstd
