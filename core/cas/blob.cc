#include "layoutfs/blob.h"

#include <algorithm>
#include <utility>

namespace layoutfs {
namespace {

constexpr std::size_t kReadAhead = std::size_t{128} << 10;

}  // namespace

BlobSource::BlobSource(BlobPtr blob, std::uint64_t offset, Context context)
    : blob_(std::move(blob)), offset_(offset), context_(std::move(context)) {}

Result<std::size_t> BlobSource::read_next(std::span<std::byte> out) {
  if (auto go_on = context_.check(); !go_on) return fail(std::move(go_on).error());
  auto size = blob_->read_at(out, offset_, context_);
  if (size) offset_ += *size;
  return size;
}

std::uint64_t BlobSource::rest() const noexcept { return blob_->size() - std::min(offset_, blob_->size()); }

Status BlobSource::fill() {
  position_ = 0;
  // Clearing more memory than a small blob needs would take longer than reading it.
  buffer_.resize(std::min<std::uint64_t>(kReadAhead, rest()));
  auto size = read_next(buffer_);
  buffer_.resize(size ? *size : 0);
  if (!size) return fail(std::move(size).error());
  return {};
}

Result<std::size_t> BlobSource::read(std::span<std::byte> out) {
  if (out.empty()) return 0;
  if (position_ == buffer_.size()) {
    if (out.size() >= std::min<std::uint64_t>(kReadAhead, rest())) return read_next(out);
    if (auto status = fill(); !status) return fail(std::move(status).error());
  }
  const std::size_t size = std::min(out.size(), buffer_.size() - position_);
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(position_), size, out.begin());
  position_ += size;
  return size;
}

}  // namespace layoutfs
