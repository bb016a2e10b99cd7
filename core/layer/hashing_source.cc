#include "core/layer/hashing_source.h"

#include <algorithm>
#include <utility>

namespace layoutfs {

HashingSource::Piece HashingSource::read_one() {
  auto bytes = buffers_.take();
  auto size = source_.read({bytes.get(), kPieceSize});
  return {std::move(bytes), std::move(size)};
}

// The executor stores an exception for finish(). The caller may be waiting for a piece, and must be notified,
// too.
void HashingSource::run(std::move_only_function<void()> work) {
  executor_.run([this, work = std::move(work)]() mutable {
    try {
      work();
    } catch (...) {
      ready_.lock()->failure = std::current_exception();
      is_ready_.notify_one();
      throw;
    }
  });
}

void HashingSource::read_ahead() {
  run([this] {
    const Piece piece = read_one();
    ready_.lock()->pieces.push_back(piece);
    is_ready_.notify_one();
    if (piece.size) hasher_.update({piece.bytes.get(), *piece.size});
  });
}

// The caller reads the first piece itself, because it may be the only one.
HashingSource::Piece HashingSource::next_piece() {
  if (!is_ahead_) {
    Piece piece = read_one();
    if (!piece.size || *piece.size == 0) return piece;
    run([this, piece] { hasher_.update({piece.bytes.get(), *piece.size}); });
    is_ahead_ = *piece.size == kPieceSize;
    for (std::size_t i = 0; is_ahead_ && i < kAhead; ++i) read_ahead();
    return piece;
  }
  auto ready = ready_.lock();
  is_ready_.wait(ready.lock(), [&] { return !ready->pieces.empty() || ready->failure; });
  if (ready->pieces.empty()) std::rethrow_exception(ready->failure);
  Piece piece = std::move(ready->pieces.front());
  ready->pieces.pop_front();
  return piece;
}

// Returns its size, 0 at the end of the blob.
Result<std::size_t> HashingSource::take_piece() {
  if (failure_) return fail(Error(*failure_));
  if (is_at_end_) return 0;
  piece_.reset();
  Piece piece = next_piece();
  if (!piece.size) {
    failure_ = piece.size.error();
    return fail(Error(*failure_));
  }
  const std::size_t size = *piece.size;
  is_at_end_ = size == 0;
  if (is_at_end_) return 0;
  if (is_ahead_) read_ahead();
  bytes_read_ += size;
  piece_ = std::move(piece.bytes);
  if (auto status = on_bytes_(size); !status) {
    failure_ = status.error();
    return fail(Error(*failure_));
  }
  rest_ = {piece_.get(), size};
  return size;
}

Result<std::size_t> HashingSource::read(std::span<std::byte> out) {
  if (rest_.empty()) {
    const auto size = take_piece();
    if (!size || *size == 0) return size;
  }
  const std::size_t size = std::min(out.size(), rest_.size());
  std::copy_n(rest_.begin(), size, out.begin());
  rest_ = rest_.subspan(size);
  return size;
}

Result<Hasher> HashingSource::finish() {
  for (;;) {
    const auto size = take_piece();
    if (!size) return fail(Error(size.error()));
    if (*size == 0) break;
  }
  executor_.finish();
  return std::move(hasher_);
}

}  // namespace layoutfs
