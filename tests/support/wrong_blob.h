// For tests: a blob of a network that delivers a wrong byte the first times.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"

namespace layoutfs::testing {

// The byte at `wrong_at` is wrong until it has been distrusted `times` times. Thread-safe.
class WrongBlob final : public Blob {
 public:
  static constexpr int kForEver = 1'000'000;
  WrongBlob(Bytes content, std::uint64_t wrong_at, int times = 1)
      : content_(std::move(content)), wrong_at_(wrong_at), wrong_left_(times) {}

  std::uint64_t size() const noexcept override { return content_.size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    if (offset >= content_.size()) return std::size_t{0};
    const ByteView rest = ByteView(content_).subspan(static_cast<std::size_t>(offset));
    const ByteView piece = rest.first(std::min(rest.size(), out.size()));
    copy_bytes(piece, out);
    if (wrong_left_ > 0 && offset <= wrong_at_ && wrong_at_ - offset < piece.size())
      out[static_cast<std::size_t>(wrong_at_ - offset)] ^= std::byte{0x55};
    return piece.size();
  }
  bool distrust(std::uint64_t offset, std::uint64_t size) const noexcept override {
    ++reports_;
    if (offset <= wrong_at_ && wrong_at_ - offset < size) --wrong_left_;
    return true;
  }
  int reports() const noexcept { return reports_; }
  bool is_right() const noexcept { return wrong_left_ <= 0; }

 private:
  const Bytes content_;
  const std::uint64_t wrong_at_;
  mutable std::atomic<int> wrong_left_, reports_ = 0;
};

}  // namespace layoutfs::testing
