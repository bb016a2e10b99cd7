#include "core/base/hash_pipe.h"

#include <system_error>

namespace layoutfs {

std::span<std::byte> HashPipe::buffer() {
  std::unique_lock lock(mutex_);
  if (thread_.joinable()) changed_.wait(lock, [this] { return submitted_ - hashed_ < kPieces; });
  Piece& piece = pieces_[submitted_ % kPieces];
  if (piece.bytes == nullptr) piece.bytes = std::make_unique_for_overwrite<std::byte[]>(kPieceSize);
  return {piece.bytes.get(), kPieceSize};
}

void HashPipe::submit(std::size_t size) {
  {
    const std::lock_guard lock(mutex_);
    pieces_[submitted_ % kPieces].size = size;
    ++submitted_;
  }
  // The first piece waits: it may be the only one.
  if (submitted_ > 1 && !thread_.joinable() && !is_threadless_) start();
  if (is_threadless_) hash_all();
  changed_.notify_all();
}

Digest HashPipe::finish() {
  join();
  hash_all();
  return hasher_.finish();
}

void HashPipe::start() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    is_threadless_ = true;
  }
}

void HashPipe::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return hashed_ < submitted_ || is_ended_; });
    if (hashed_ == submitted_) return;
    const Piece& piece = pieces_[hashed_ % kPieces];
    lock.unlock();
    hasher_.update({piece.bytes.get(), piece.size});
    lock.lock();
    ++hashed_;
    changed_.notify_all();
  }
}

// Without the thread.
void HashPipe::hash_all() {
  for (; hashed_ < submitted_; ++hashed_) {
    const Piece& piece = pieces_[hashed_ % kPieces];
    hasher_.update({piece.bytes.get(), piece.size});
  }
}

void HashPipe::join() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

}  // namespace layoutfs
