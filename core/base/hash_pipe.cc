#include "core/base/hash_pipe.h"

#include <utility>

namespace layoutfs {

std::span<std::byte> HashPipe::buffer() {
  piece_.reset();
  piece_ = pieces_.take();
  return {piece_.get(), kPieceSize};
}

void HashPipe::submit(std::size_t size) {
  lane_.run([this, size, piece = piece_] { hasher_.update({piece.get(), size}); });
}

Hasher HashPipe::finish() {
  lane_.finish();
  return std::move(hasher_);
}

}  // namespace layoutfs
