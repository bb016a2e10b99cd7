#include "core/layer/hashing_source.h"

#include <algorithm>

namespace layoutfs {

// Its size, 0 at the end of the blob.
Result<std::size_t> HashingSource::read_piece() {
  if (failure_) return fail(Error(*failure_));
  const auto buffer = hashes_.buffer();
  auto size = source_.read(buffer);
  if (size && *size > 0) {
    hashes_.submit(*size);
    piece_ = buffer.first(*size);
    bytes_read_ += *size;
    if (auto status = on_bytes_(*size); !status) size = fail(std::move(status).error());
  }
  if (!size) failure_ = size.error();
  return size;
}

Result<std::size_t> HashingSource::read(std::span<std::byte> out) {
  if (piece_.empty()) {
    const auto size = read_piece();
    if (!size || *size == 0) return size;
  }
  const std::size_t size = std::min(out.size(), piece_.size());
  std::copy_n(piece_.begin(), size, out.begin());
  piece_ = piece_.subspan(size);
  return size;
}

Result<Hasher> HashingSource::finish() {
  for (;;) {
    const auto size = read_piece();
    if (!size) return fail(Error(size.error()));
    if (*size == 0) return hashes_.finish();
  }
}

}  // namespace layoutfs
