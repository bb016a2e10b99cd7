#include "core/base/io_buffers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace layoutfs {
namespace {

constexpr std::size_t kBlock = 4 * IoBuffers::kShortest;
constexpr std::array<std::byte, std::size_t{64} << 10> kZeros{};

}  // namespace

void IoBuffers::append(ByteView bytes, std::shared_ptr<const void> owner) {
  if (bytes.size() < kShortest) {
    append_copy(bytes);
    return;
  }
  owners_.push_back(std::move(owner));
  add_view(bytes);
}

void IoBuffers::append_copy(ByteView bytes) {
  if (bytes.empty()) return;
  if (bytes.size() > free_.size()) {
    const std::size_t size = std::max(bytes.size(), kBlock);
    auto block = std::make_shared_for_overwrite<std::byte[]>(size);
    std::byte* const begin = block.get();
    owners_.push_back(std::move(block));
    free_ = {begin, size};  // only after views_ owns it
  }
  std::memcpy(free_.data(), bytes.data(), bytes.size());
  const ByteView copy = free_.first(bytes.size());
  free_ = free_.subspan(bytes.size());
  if (!views_.empty() && views_.back().data() + views_.back().size() == copy.data()) {
    views_.back() = {views_.back().data(), views_.back().size() + copy.size()};
    size_ += copy.size();
  } else {
    add_view(copy);
  }
}

void IoBuffers::append_zeros(std::size_t size) {
  while (size > 0) {
    const ByteView zeros = ByteView(kZeros).first(std::min(size, kZeros.size()));
    append(zeros, nullptr);
    size -= zeros.size();
  }
}

void IoBuffers::copy_to(std::span<std::byte> out) const noexcept {
  for (const ByteView view : views_) {
    std::memcpy(out.data(), view.data(), view.size());
    out = out.subspan(view.size());
  }
}

void IoBuffers::add_view(ByteView bytes) {
  views_.push_back(bytes);
  size_ += bytes.size();
}

}  // namespace layoutfs
