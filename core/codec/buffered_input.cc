// Buffered reading of a blob.
#include "core/codec/buffered_input.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"

namespace layoutfs {

std::size_t BufferedInput::behind() const noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(kBehind, offset_ - first_offset_));
}

// Moves the available bytes and the consumed ones that must stay readable.
void BufferedInput::move_to_front() noexcept {
  const std::size_t kept = behind();
  std::memmove(buffer_.get() + kBehind - kept, buffer_.get() + begin_ - kept, kept + end_ - begin_);
  end_ = kBehind + (end_ - begin_);
  begin_ = kBehind;
}

Result<bool> BufferedInput::fill() {
  if (begin_ < end_) return true;
  move_to_front();
  const auto size = source_.read({buffer_.get() + kBehind, capacity_});
  if (!size) return std::unexpected(size.error());
  end_ += *size;
  return *size > 0;
}

Status BufferedInput::look_ahead(std::size_t size) {
  size = std::min(size, capacity_);
  if (end_ - begin_ >= size) return {};
  move_to_front();
  while (end_ - begin_ < size) {
    const auto more = source_.read({buffer_.get() + end_, kBehind + capacity_ - end_});
    if (!more) return std::unexpected(more.error());
    if (*more == 0) break;
    end_ += *more;
  }
  return {};
}

void BufferedInput::consume(std::size_t size) noexcept {
  check(size <= end_ - begin_, "no more is consumed than is available");
  begin_ += size;
  offset_ += size;
}

void BufferedInput::unconsume(std::size_t size) noexcept {
  check(size <= behind(), "only available bytes are unconsumed");
  begin_ -= size;
  offset_ -= size;
}

ByteView BufferedInput::available_from(std::uint64_t offset) const noexcept {
  check(offset <= offset_ && offset_ - offset <= behind(), "the offset was consumed recently");
  const auto back = static_cast<std::size_t>(offset_ - offset);
  return {buffer_.get() + begin_ - back, end_ - begin_ + back};
}

}  // namespace layoutfs
