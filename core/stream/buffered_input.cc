// The bytes of a blob through a buffer, with their place in the blob.
#include "core/stream/buffered_input.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"

namespace layoutfs {

Result<bool> BufferedInput::fill() {
  if (begin_ < end_) return true;
  begin_ = 0;
  end_ = 0;
  const auto size = source_.read({buffer_.get(), capacity_});
  if (!size) return std::unexpected(size.error());
  end_ = *size;
  return end_ > 0;
}

Status BufferedInput::look_ahead(std::size_t size) {
  size = std::min(size, capacity_);
  if (end_ - begin_ >= size) return {};
  std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  while (end_ < size) {
    const auto more = source_.read({buffer_.get() + end_, capacity_ - end_});
    if (!more) return std::unexpected(more.error());
    if (*more == 0) break;
    end_ += *more;
  }
  return {};
}

void BufferedInput::consume(std::size_t size) noexcept {
  if (size == 0) return;
  check(size <= end_ - begin_, "no more is consumed than is available");
  begin_ += size;
  offset_ += size;
  last_byte_ = static_cast<std::uint8_t>(buffer_[begin_ - 1]);
}

}  // namespace layoutfs
