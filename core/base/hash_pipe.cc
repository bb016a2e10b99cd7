#include "core/base/hash_pipe.h"

namespace layoutfs {

std::span<std::byte> HashPipe::buffer() {
  piece_.reset();
  piece_ = pieces_.take();
  return {piece_.get(), kPieceSize};
}

void HashPipe::submit(std::size_t size) {
  executor_.run([this, size, piece = piece_] { hasher_.update({piece.get(), size}); });
}

Digest HashPipe::finish() {
  executor_.finish();
  return hasher_.finish();
}

}  // namespace layoutfs
